import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { stringify } from 'yaml';
import { launch, PEERS_FOLDER, REPOSITORY_FOLDER } from '../harness/index.ts';
import { findFreePort, LOOPBACK, type Served } from './served.ts';

export interface PlinthOptions {
  readonly name?: string;
  /** One entry of `models` in plinth.yaml. */
  readonly model: { readonly name: string } & Readonly<Record<string, string | number>>;
  readonly cpus?: string;
  /** Another checkout than this one, with its packages installed. Its home begins empty: books of newer checkouts are closed to it. */
  readonly checkout?: string;
  /** Given to all its processes as NODE_OPTIONS, for example to take a profile. */
  readonly nodeOptions?: string;
}

export interface PlinthRepositoryOptions extends Omit<PlinthOptions, 'model'> {
  /** Model repository or file. */
  readonly source: string;
  /** The model that is asked. */
  readonly model: string;
  /** Further settings of plinth.yaml. */
  readonly config?: Readonly<Record<string, unknown>>;
}

/** Starts `plinth serve` with one model, as a user would with a configuration file, in a home of its own. */
export function startPlinth({ model, ...options }: PlinthOptions): Promise<Served> {
  return start({ ...options, model: model.name, models: [model], config: { grpcPort: -1 } });
}

/** Starts `plinth serve` on a folder of models, with REST and gRPC. */
export async function startPlinthRepository({ source, config, ...options }: PlinthRepositoryOptions): Promise<Served> {
  const grpcPort = await findFreePort();
  const served = await start({ ...options, models: [source], config: { ...config, grpcPort } });
  return { ...served, grpcPort };
}

interface StartOptions extends Omit<PlinthOptions, 'model'> {
  readonly model: string;
  readonly models: readonly unknown[];
  readonly config: Readonly<Record<string, unknown>>;
}

async function start(options: StartOptions): Promise<Served> {
  const port = await findFreePort();
  const managementPort = await findFreePort();
  const folder = mkdtempSync(path.join(tmpdir(), 'plinth-bench-'));
  const home = options.checkout === undefined ? path.join(PEERS_FOLDER, 'plinth-home') : path.join(folder, 'home');
  mkdirSync(home, { recursive: true });
  const configFile = path.join(folder, 'plinth.yaml');
  // The peers run without an access log as well.
  const config = { home, host: LOOPBACK, port, managementPort, models: options.models, log: { level: 'warn', format: 'json' } };
  writeFileSync(configFile, stringify({ ...config, ...options.config }));
  const key = `bench-${randomBytes(24).toString('hex')}`;
  const started = await launch({
    name: options.name ?? 'plinth',
    command: [
      process.execPath,
      path.join(options.checkout ?? REPOSITORY_FOLDER, 'src/cli/plinth.ts'),
      'serve',
      '--config',
      configFile,
    ],
    readyUrl: `http://${LOOPBACK}:${port}/readyz`,
    env: { PLINTH_API_KEY: key, PLINTH_ADMIN_KEY: `${key}-admin`, NODE_OPTIONS: options.nodeOptions ?? '' },
    ...(options.cpus === undefined ? {} : { cpus: options.cpus }),
  });
  return {
    process: started,
    host: LOOPBACK,
    port,
    headers: { authorization: `Bearer ${key}` },
    adminHeaders: { authorization: `Bearer ${key}-admin` },
    model: options.model,
    stop: async () => {
      await started.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
