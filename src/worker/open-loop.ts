import { PlinthError } from '../core/errors/index.ts';
import type { ModelSpec } from '../core/models/index.ts';
import { openEngine } from './engines/index.ts';
import { Runner } from './generating/index.ts';
import type { ReplicaLoop } from './replica-loop.ts';

/** Loads the model and gives it the loop that fits: token by token, or whole requests in batches. Throws PlinthError. */
export async function openLoop(spec: ModelSpec): Promise<ReplicaLoop> {
  if (spec.engine === 'onnx' && spec.task !== 'generate') {
    throw new PlinthError({ code: 'engine_failed', message: `The task '${spec.task}' cannot be served yet.` });
  }
  return new Runner(await openEngine(spec), spec) as ReplicaLoop;
}
