import { lstatSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { hasCode } from '../../../core/files/index.ts';

/** `sun_path` holds 108 bytes on Linux and 104 on macOS, with the closing zero. */
const MOST_SOCKET_PATH_BYTES = 103;
const LONGEST_ENDING = 'XXXXXX/r99999.sock';

/** The folder with the sockets of this process's replicas; only its user may enter. */
export interface RunFolder {
  readonly path: string;
  remove(): void;
}

/**
 * Makes `<home>/run/plinth-<pid>-<random>`, or such a folder in the system's temporary one when the paths of the sockets in it would be
 * too long. Folders that dead processes left behind are removed.
 */
export async function openRunFolder(home: string): Promise<RunFolder> {
  const own = `plinth-${process.pid}-`;
  const roots = [join(home, 'run'), tmpdir()];
  const root =
    roots.find((candidate) => Buffer.byteLength(join(candidate, own) + LONGEST_ENDING) <= MOST_SOCKET_PATH_BYTES) ?? '/tmp';
  mkdirSync(root, { recursive: true, mode: 0o700 });
  await removeAbandoned(root);
  // mkdtemp gives a new folder of mode 0700, also where others may write.
  const path = mkdtempSync(join(root, own));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

async function removeAbandoned(root: string): Promise<void> {
  for (const name of readdirSync(root)) {
    const pid = /^plinth-(\d+)-\w{6}$/.exec(name)?.[1];
    const path = join(root, name);
    if (pid === undefined || lstatSync(path).uid !== process.getuid?.() || isAlive(Number(pid))) continue;
    if (!(await hasListener(path))) rmSync(path, { recursive: true, force: true });
  }
}

// In a container the same small process id comes back at every start, so the own id proves nothing; a live socket does.
function isAlive(pid: number): boolean {
  if (pid === process.pid) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return hasCode(error, 'EPERM');
  }
}

async function hasListener(folder: string): Promise<boolean> {
  const sockets = readdirSync(folder).filter((name) => name.endsWith('.sock'));
  const answers = await Promise.all(sockets.map((name) => isListening(join(folder, name))));
  return answers.includes(true);
}

function isListening(socketPath: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(socketPath);
    const settle = (isOpen: boolean) => {
      socket.destroy();
      resolve(isOpen);
    };
    socket.once('connect', () => settle(true));
    socket.once('error', () => settle(false));
  });
}
