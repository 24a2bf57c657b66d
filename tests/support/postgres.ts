import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { chmod, chown, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { Client } from 'pg';

const run = promisify(execFile);
const USER = 'plinth';
const PASSWORD = 'a-secret-of-tests';
const START_TIMEOUT_MS = 30_000;

/** The programs of one PostgreSQL. */
export interface PostgresPrograms {
  readonly initdb: string;
  readonly postgres: string;
}

/** A PostgreSQL of its own for one test file. It ends with the process that started it. */
export interface TestPostgres {
  /** The secret in every address. */
  readonly password: string;
  /** Makes an empty database and gives its address; `words` are those of CREATE DATABASE. */
  createDatabase(words?: string): Promise<string>;
  /** One statement as superuser, in the database of this address or in `postgres`. */
  execute(statement: string, url?: string): Promise<void>;
  /** `fast` closes all connections and ends; `kill` is SIGKILL for the postmaster. */
  stop(how: 'fast' | 'kill'): Promise<void>;
  /** Starts it again where it was; does nothing while it runs. */
  start(): Promise<void>;
  /** Stops it and removes all that it kept. */
  remove(): Promise<void>;
}

export interface PostgresOptions {
  readonly programs: PostgresPrograms;
  /** `on` for tests of what survives; `off` is several times as fast. */
  readonly fsync?: 'on' | 'off';
}

/** PostgreSQL in PATH or where Debian puts it, the newest version first; undefined where there is none. */
export function findPostgres(): PostgresPrograms | undefined {
  const inPath = (process.env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '');
  const debian = globSync('/usr/lib/postgresql/*/bin').toSorted((a, b) => versionIn(b) - versionIn(a));
  return [...inPath, ...debian]
    .map((folder) => ({ initdb: join(folder, 'initdb'), postgres: join(folder, 'postgres') }))
    .find(({ initdb, postgres }) => existsSync(initdb) && existsSync(postgres));
}

/** Makes a cluster in a temporary folder and starts it on a free port of loopback. */
export async function startPostgres({ programs, fsync = 'off' }: PostgresOptions): Promise<TestPostgres> {
  const owner = unprivilegedUser();
  const folder = await mkdtemp(join(tmpdir(), 'plinth-pg-'));
  const data = join(folder, 'data');
  const passwordFile = join(folder, 'password');
  await writeFile(passwordFile, PASSWORD);
  await chmod(folder, 0o711);
  if (owner !== undefined) for (const path of [folder, passwordFile]) await chown(path, owner.uid, owner.gid);
  const words = ['-D', data, '-U', USER, '--pwfile', passwordFile, '--encoding=UTF8', '--locale=C.UTF-8', '--no-sync'];
  await run(programs.initdb, [...words, '--auth-host=scram-sha-256', '--auth-local=trust'], { ...owner, cwd: folder });
  const cluster = new Cluster({ program: programs.postgres, folder, data, owner, fsync, port: await freePort() });
  await cluster.start();
  return cluster;
}

interface Owner {
  readonly uid: number;
  readonly gid: number;
}

interface ClusterOptions {
  readonly program: string;
  readonly folder: string;
  readonly data: string;
  readonly owner: Owner | undefined;
  readonly fsync: 'on' | 'off';
  readonly port: number;
}

class Cluster implements TestPostgres {
  readonly password = PASSWORD;
  readonly #options: ClusterOptions;
  #running: { readonly postmaster: ChildProcess; readonly guard: ChildProcess } | undefined;
  #databases = 0;

  constructor(options: ClusterOptions) {
    this.#options = options;
  }

  async createDatabase(words = ''): Promise<string> {
    const name = `book${++this.#databases}`;
    await this.execute(`CREATE DATABASE ${name} ${words}`);
    return `postgres://${USER}:${PASSWORD}@127.0.0.1:${this.#options.port}/${name}`;
  }

  async execute(statement: string, url?: string): Promise<void> {
    const database = url === undefined ? 'postgres' : new URL(url).pathname.slice(1);
    const client = new Client({ host: this.#options.folder, port: this.#options.port, user: USER, database });
    await client.connect();
    await client.query(statement).finally(() => client.end());
  }

  async start(): Promise<void> {
    const deadline = Date.now() + START_TIMEOUT_MS;
    while (this.#running === undefined) {
      const output = await this.#tryStart(deadline);
      // After SIGKILL the memory that the old processes share stays until the last of them has noticed.
      if (output !== undefined && Date.now() > deadline) throw new Error(`PostgreSQL does not start: ${output}`);
      if (output !== undefined) await delay(100);
    }
  }

  async stop(how: 'fast' | 'kill'): Promise<void> {
    const running = this.#running;
    if (running === undefined) return;
    this.#running = undefined;
    running.postmaster.ref();
    const ended = once(running.postmaster, 'exit');
    running.postmaster.kill(how === 'fast' ? 'SIGINT' : 'SIGKILL');
    await ended;
    running.guard.kill('SIGKILL');
  }

  async remove(): Promise<void> {
    await this.stop('fast');
    await rm(this.#options.folder, { recursive: true, force: true });
  }

  /** What it wrote when it ended instead; undefined once it answers. */
  async #tryStart(deadline: number): Promise<string | undefined> {
    const { program, folder, data, owner, fsync, port } = this.#options;
    const settings = [`fsync=${fsync}`, 'listen_addresses=127.0.0.1', 'shared_buffers=16MB', 'max_connections=60'];
    const words = ['-D', data, '-p', String(port), '-k', folder, ...settings.flatMap((setting) => ['-c', setting])];
    const postmaster = spawn(program, words, { ...owner, cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] });
    let output = '';
    postmaster.stderr.setEncoding('utf8').on('data', (text: string) => (output = `${output}${text}`.slice(-4_000)));
    const guard = guardOf(postmaster, folder);
    while (postmaster.exitCode === null && postmaster.signalCode === null && Date.now() < deadline) {
      if (await answers(folder, port)) {
        this.#running = { postmaster, guard };
        return undefined;
      }
      await delay(20);
    }
    postmaster.kill('SIGKILL');
    guard.kill('SIGKILL');
    return output;
  }
}

/** Kills the postmaster and removes its folder when this process is gone, however it ended: then the guard's input ends. */
function guardOf(postmaster: ChildProcess, folder: string): ChildProcess {
  const script = 'cat > /dev/null; kill -9 "$0" 2> /dev/null; sleep 1; rm -rf "$1"';
  const guard = spawn('sh', ['-c', script, String(postmaster.pid), folder], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  });
  guard.unref();
  postmaster.unref();
  for (const stream of [guard.stdin, postmaster.stderr]) (stream as { unref?: () => void } | null)?.unref?.();
  return guard;
}

async function answers(folder: string, port: number): Promise<boolean> {
  const client = new Client({ host: folder, port, user: USER, database: 'postgres' });
  client.on('error', () => {});
  try {
    await client.connect();
    await client.query('SELECT 1');
    return true;
  } catch {
    return false;
  } finally {
    await client.end().catch(() => {});
  }
}

/** PostgreSQL refuses to run as root. */
function unprivilegedUser(): Owner | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const users = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((line) => line.split(':'));
  const user = ['postgres', 'nobody'].map((name) => users.find((fields) => fields[0] === name)).find((found) => found);
  if (user === undefined) throw new Error('no user to run PostgreSQL as: neither postgres nor nobody');
  return { uid: Number(user[2]), gid: Number(user[3]) };
}

async function freePort(): Promise<number> {
  const socket = createServer().listen(0, '127.0.0.1');
  await once(socket, 'listening');
  const address = socket.address();
  socket.close();
  await once(socket, 'close');
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

function versionIn(folder: string): number {
  return Number(dirname(folder).split('/').at(-1)) || 0;
}
