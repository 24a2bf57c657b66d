import path from 'node:path';
import { launch } from '../harness/index.ts';
import { findFreePort, LOOPBACK, type Served } from './served.ts';

export interface DirectOptions {
  readonly cpus: string;
  /** For streams: time between two tokens, and tokens of a stream. */
  readonly stepMs?: number;
  readonly tokens?: number;
}

/** The floor: see direct-answer.ts. */
export async function startDirect(options: DirectOptions): Promise<Served> {
  const port = await findFreePort();
  const file = path.join(import.meta.dirname, 'direct-answer.ts');
  const started = await launch({
    name: 'direct',
    command: [process.execPath, file, ...[port, options.stepMs ?? 0, options.tokens ?? 0].map(String)],
    readyUrl: `http://${LOOPBACK}:${port}/`,
    cpus: options.cpus,
  });
  return { process: started, host: LOOPBACK, port, headers: {}, model: 'echo', stop: () => started.stop() };
}
