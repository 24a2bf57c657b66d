import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { launch, PEERS_FOLDER, REPOSITORY_FOLDER } from '../harness/index.ts';
import { findFreePort, LOOPBACK, type Served } from './served.ts';

/** Where the Python files of the peers lie. */
export const PEERS_SOURCE_FOLDER = path.join(REPOSITORY_FOLDER, 'benchmarks/peers');

/** A program of one of the virtual environments. Throws when it was not set up. */
export function findProgram(environment: string, program: string): string {
  const file = path.join(PEERS_FOLDER, environment, 'bin', program);
  if (!existsSync(file)) throw new Error(`${file} is missing: run benchmarks/peers/set-up-python.sh first`);
  return file;
}

export interface FastapiOptions {
  readonly name?: string;
  /** Time between two tokens of a stream. */
  readonly stepMs: number;
  readonly cpus: string;
  /** `best`: uvloop, httptools and no access log. `default`: what `uvicorn` does when told nothing, which is to log every request. */
  readonly flags?: 'best' | 'default';
}

const BEST_FLAGS = ['--loop', 'uvloop', '--http', 'httptools', '--no-access-log', '--log-level', 'warning', '--backlog', '4096'];

/** The FastAPI stub under uvicorn, one process. */
export async function startFastapi(options: FastapiOptions): Promise<Served> {
  const port = await findFreePort();
  const started = await launch({
    name: options.name ?? 'fastapi',
    command: [
      findProgram('fastapi', 'uvicorn'),
      ...['--app-dir', PEERS_SOURCE_FOLDER, 'fastapi_stub:app', '--host', LOOPBACK, '--port', String(port)],
      ...(options.flags === 'default' ? [] : BEST_FLAGS),
    ],
    readyUrl: `http://${LOOPBACK}:${port}/livez`,
    env: { STUB_STEP_MS: String(options.stepMs) },
    cpus: options.cpus,
  });
  return { process: started, host: LOOPBACK, port, headers: {}, model: 'echo', stop: () => started.stop() };
}

export interface LitellmOptions {
  /** The OpenAI-shaped server behind the proxy. */
  readonly upstream: Served;
  readonly cpus: string;
}

/** The LiteLLM proxy, one worker. Its model `echo` asks the upstream, `mock` is answered by LiteLLM itself. */
export async function startLitellm(options: LitellmOptions): Promise<Served> {
  const port = await findFreePort();
  const key = `sk-${randomBytes(24).toString('hex')}`;
  const started = await launch({
    name: 'litellm',
    command: [
      findProgram('litellm', 'litellm'),
      ...['--config', path.join(PEERS_SOURCE_FOLDER, 'litellm.yaml'), '--host', LOOPBACK, '--port', String(port)],
      ...['--num_workers', '1', '--telemetry', 'False'],
    ],
    readyUrl: `http://${LOOPBACK}:${port}/health/liveliness`,
    readyLimitMs: 180_000,
    env: {
      LITELLM_MASTER_KEY: key,
      LITELLM_LOCAL_MODEL_COST_MAP: 'True',
      LITELLM_LOG: 'ERROR',
      LITELLM_MODE: 'PRODUCTION',
      STUB_URL: `http://${options.upstream.host}:${options.upstream.port}/v1`,
    },
    cpus: options.cpus,
  });
  return {
    process: started,
    host: LOOPBACK,
    port,
    headers: { authorization: `Bearer ${key}` },
    model: 'echo',
    stop: () => started.stop(),
  };
}
