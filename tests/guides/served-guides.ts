import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { RunnableBlock } from './runnable-blocks.ts';

export const root = fileURLToPath(new URL('../../', import.meta.url));
const program = join(root, 'src/cli/plinth.ts');
const START_LIMIT_MS = 240_000;

export interface RunResult {
  readonly code: number | null;
  readonly output: string;
}

/** A serve with the default model, a fresh home and free ports, as a reader of the guides would have it on 8080 and 8081. */
export class ServedGuides {
  readonly #folder: string;
  readonly #env: NodeJS.ProcessEnv;
  readonly #serve: ChildProcess;
  readonly #ports: Map<string, string>;

  private constructor(parts: { folder: string; env: NodeJS.ProcessEnv; serve: ChildProcess; ports: Map<string, string> }) {
    this.#folder = parts.folder;
    this.#env = parts.env;
    this.#serve = parts.serve;
    this.#ports = parts.ports;
  }

  static async start(): Promise<ServedGuides> {
    const folder = mkdtempSync(join(tmpdir(), 'plinth-guides-'));
    const env = guideEnvironment(folder);
    const serve = spawn(process.execPath, [program, 'serve'], {
      cwd: folder,
      env: { ...env, PLINTH_PORT: '0', PLINTH_MANAGEMENT_PORT: '0' },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    try {
      const banner = await readBanner(serve);
      const ports = new Map([
        ['127.0.0.1:8080', hostIn(banner, 'Address')],
        ['127.0.0.1:8081', hostIn(banner, 'Management')],
      ]);
      return new ServedGuides({ folder, env, serve, ports });
    } catch (error) {
      serve.kill('SIGKILL');
      rmSync(folder, { recursive: true, force: true });
      throw error;
    }
  }

  /** Runs a block; the blocks of one document share a working folder. */
  async run(block: RunnableBlock): Promise<RunResult> {
    const cwd = join(this.#folder, block.place.replace(/:\d+$/, '').replaceAll(/[^a-z]+/gi, '-'));
    mkdirSync(cwd, { recursive: true });
    const code = [...this.#ports].reduce((text, [documented, real]) => text.replaceAll(documented, real), block.code);
    // A module is found from where the code stands, and only the repository has the stock client installed.
    const child =
      block.language === 'sh'
        ? spawn('bash', ['-euo', 'pipefail', '-c', code], { cwd, env: this.#env })
        : spawn(process.execPath, ['--input-type=module', '--eval', code], { cwd: root, env: this.#env });
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (output += text));
    await once(child, 'close');
    return { code: child.exitCode, output };
  }

  async stop(): Promise<void> {
    if (this.#serve.exitCode === null && this.#serve.signalCode === null) {
      this.#serve.kill('SIGTERM');
      await once(this.#serve, 'close');
    }
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** `plinth` on the PATH is this repository's; everything else is what a reader has. */
function guideEnvironment(folder: string): NodeJS.ProcessEnv {
  const bin = join(folder, 'bin');
  const shim = join(bin, 'plinth');
  mkdirSync(bin);
  writeFileSync(shim, `#!/bin/sh\nexec '${process.execPath}' '${program}' "$@"\n`);
  chmodSync(shim, 0o755);
  return {
    ...process.env,
    PATH: [bin, process.env['PATH']].join(delimiter),
    PLINTH_HOME: join(folder, 'home'),
    PLINTH_API_KEY: 'key-of-the-guides-0123456789',
    PLINTH_ADMIN_KEY: 'admin-key-of-the-guides-0123456789',
  };
}

/** What the serve prints once it is ready. Fails with its last words when it ends before. */
function readBanner(serve: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let banner = '';
    let log = '';
    const giveUp = setTimeout(
      () => reject(new Error(`plinth serve is not ready after ${START_LIMIT_MS} ms:\n${log}`)),
      START_LIMIT_MS,
    );
    serve.stdout?.setEncoding('utf8').on('data', (text: string) => {
      banner += text;
      if (!/^\s*Management\s.*\n/m.test(banner)) return;
      clearTimeout(giveUp);
      resolve(banner);
    });
    serve.stderr?.setEncoding('utf8').on('data', (text: string) => (log += text));
    serve.on('close', (code) => {
      clearTimeout(giveUp);
      reject(new Error(`plinth serve ended with ${code} before it was ready:\n${log}`));
    });
  });
}

function hostIn(banner: string, row: string): string {
  const url = new RegExp(String.raw`^\s*${row}\s+(http\S+)`, 'm').exec(banner)?.[1];
  if (url === undefined) throw new Error(`plinth serve printed no ${row}:\n${banner}`);
  return new URL(url).host;
}
