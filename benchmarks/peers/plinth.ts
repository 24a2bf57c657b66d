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
  /** Given to all its processes as NODE_OPTIONS, for example to take a profile. */
  readonly nodeOptions?: string;
}

/** Starts `plinth serve` with one model, as a user would with a configuration file, in a home of its own. */
export async function startPlinth(options: PlinthOptions): Promise<Served> {
  const port = await findFreePort();
  const managementPort = await findFreePort();
  const folder = mkdtempSync(path.join(tmpdir(), 'plinth-bench-'));
  const home = path.join(PEERS_FOLDER, 'plinth-home');
  mkdirSync(home, { recursive: true });
  const configFile = path.join(folder, 'plinth.yaml');
  // The peers run without an access log as well.
  const config = { home, host: LOOPBACK, port, managementPort, models: [options.model], log: { level: 'warn', format: 'json' } };
  writeFileSync(configFile, stringify(config));
  const key = `bench-${randomBytes(24).toString('hex')}`;
  const started = await launch({
    name: options.name ?? 'plinth',
    command: [process.execPath, path.join(REPOSITORY_FOLDER, 'src/cli/plinth.ts'), 'serve', '--config', configFile],
    readyUrl: `http://${LOOPBACK}:${port}/readyz`,
    env: { PLINTH_API_KEY: key, PLINTH_ADMIN_KEY: `${key}-admin`, NODE_OPTIONS: options.nodeOptions ?? '' },
    ...(options.cpus === undefined ? {} : { cpus: options.cpus }),
  });
  return {
    process: started,
    host: LOOPBACK,
    port,
    headers: { authorization: `Bearer ${key}` },
    model: options.model.name,
    stop: async () => {
      await started.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
