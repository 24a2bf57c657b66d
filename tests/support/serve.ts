import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { stringify } from 'yaml';

const MAIN = resolve(import.meta.dirname, '../../src/cli/plinth.ts');

export const API_KEY = 'plinth-test-inference-key';
export const ADMIN_KEY = 'plinth-test-admin-key';

export interface Served {
  readonly url: string;
  readonly managementUrl: string;
  /** `127.0.0.1:8001`; not there when the configuration wants no gRPC port. */
  readonly grpcAddress?: string;
  readonly home: string;
  readonly child: ChildProcess;
  /** What the process wrote to standard error so far. */
  stderr(): string;
  /** GET or POST on the management port with the admin key. */
  manage(path: string, method?: 'GET' | 'POST'): Promise<Response>;
  /** Resolves when `/readyz` answers 200. */
  whenReady(): Promise<void>;
  stop(): Promise<number | null>;
}

export interface ServeOptions {
  /** Contents of plinth.yaml; free ports on loopback are added. */
  readonly config: Readonly<Record<string, unknown>>;
  readonly env?: Readonly<Record<string, string>>;
  /** Where an earlier one was; a new home when absent. */
  readonly home?: string;
}

/** Starts a real `plinth serve` process in a home of its own and resolves when its models are ready. */
export async function serve(options: ServeOptions): Promise<Served> {
  const home = options.home ?? (await mkdtemp(join(tmpdir(), 'plinth-e2e-')));
  const configFile = join(home, 'plinth.yaml');
  await writeFile(configFile, stringify({ home, port: 0, grpcPort: 0, managementPort: 0, ...options.config }));
  const env = { PATH: process.env['PATH'], PLINTH_API_KEY: API_KEY, PLINTH_ADMIN_KEY: ADMIN_KEY, ...options.env };
  const child = spawn(process.execPath, [MAIN, 'serve', '--config', configFile], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  let stderr = '';
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  const exited = new Promise<number | null>((done) => child.once('exit', (code) => done(code)));
  const addresses = await listening(child, () => stderr);
  const served: Served = {
    ...addresses,
    home,
    child,
    stderr: () => stderr,
    manage: (path, method = 'GET') =>
      fetch(`${addresses.managementUrl}${path}`, { method, headers: { authorization: `Bearer ${ADMIN_KEY}` } }),
    whenReady: () => whenReady(addresses.url, exited),
    stop: async () => {
      child.kill('SIGTERM');
      const code = await exited;
      await rm(home, { recursive: true, force: true });
      return code;
    },
  };
  await served.whenReady();
  return served;
}

type Addresses = Pick<Served, 'url' | 'managementUrl' | 'grpcAddress'>;

/** All addresses, from the log line that tells them. */
function listening(child: ChildProcess, stderr: () => string): Promise<Addresses> {
  return new Promise((done, fail) => {
    child.once('exit', (code) => fail(new Error(`serve exited with ${code}: ${stderr()}`)));
    child.stderr?.on('data', () => {
      const line = stderr()
        .split('\n')
        .find((one) => one.includes('"managementUrl"'));
      if (line !== undefined) done(JSON.parse(line) as Addresses);
    });
  });
}

async function whenReady(url: string, exited: Promise<number | null>): Promise<void> {
  for (;;) {
    const status = await Promise.race([
      fetch(`${url}/readyz`).then((answer) => answer.status),
      exited.then((code) => `exit ${code}`),
    ]);
    if (status === 200) return;
    if (typeof status === 'string') throw new Error(`serve ended before it was ready: ${status}`);
    await new Promise((done) => setTimeout(done, 100));
  }
}
