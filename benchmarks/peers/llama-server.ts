import { existsSync } from 'node:fs';
import path from 'node:path';
import { launch, PEERS_FOLDER } from '../harness/index.ts';
import { findFreePort, LOOPBACK, type Served } from './served.ts';

export interface LlamaServerOptions {
  readonly name: string;
  readonly modelFile: string;
  readonly slots: number;
  /** Over all slots. */
  readonly contextTokens: number;
  /** Absent: llama-server's own choice. */
  readonly threads?: number;
  readonly extraArguments?: readonly string[];
}

/** llama-server as built by set-up-llama-server.sh. */
export async function startLlamaServer(options: LlamaServerOptions): Promise<Served> {
  const file = path.join(PEERS_FOLDER, 'llama.cpp/build/bin/llama-server');
  if (!existsSync(file)) throw new Error(`${file} is missing: run benchmarks/peers/set-up-llama-server.sh first`);
  const port = await findFreePort();
  const threads = options.threads === undefined ? [] : ['-t', String(options.threads), '-tb', String(options.threads)];
  const started = await launch({
    name: options.name,
    command: [
      file,
      ...['-m', options.modelFile, '--host', LOOPBACK, '--port', String(port), '--alias', 'model', '--offline'],
      ...['-np', String(options.slots), '-c', String(options.contextTokens), ...threads, '-lv', '1'],
      ...(options.extraArguments ?? []),
    ],
    readyUrl: `http://${LOOPBACK}:${port}/health`,
    readyLimitMs: 120_000,
  });
  return { process: started, host: LOOPBACK, port, headers: {}, model: 'model', stop: () => started.stop() };
}
