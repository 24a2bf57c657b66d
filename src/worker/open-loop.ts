import { PlinthError } from '../core/errors/index.ts';
import type { ModelSpec } from '../core/models/index.ts';
import { BatchRunner } from './batching/index.ts';
import { failingLoop, slowEngine, slowTask } from './drills.ts';
import { openEngine } from './engines/index.ts';
import { Runner } from './generating/index.ts';
import type { LoadedGraph } from './graph.ts';
import { createGraphOpener } from './graph-opener.ts';
import type { ReplicaLoop } from './replica-loop.ts';
import { openTask } from './tasks/index.ts';

/** Loads the model and gives it the loop that fits: token by token, or whole requests in batches. Throws PlinthError. */
export async function openLoop(spec: ModelSpec): Promise<ReplicaLoop> {
  const isBatched = spec.engine === 'onnx' && spec.task !== 'generate';
  const loop = isBatched ? await openBatching(spec) : await openGenerating(spec);
  return spec.failEvery ? failingLoop(loop, spec.failEvery) : loop;
}

async function openGenerating(spec: ModelSpec): Promise<ReplicaLoop> {
  const engine = await openEngine(spec);
  const isSlowed = spec.stepMs > 0 && spec.engine !== 'echo';
  return new Runner(isSlowed ? slowEngine(engine, spec.stepMs) : engine, spec) as ReplicaLoop;
}

/** A load that fails halfway closes what it had opened. */
async function openBatching(spec: ModelSpec): Promise<ReplicaLoop> {
  if (spec.filePath === undefined && spec.task === 'tensors') return openOperator(spec);
  const { openOnnxGraph } = await import('./engines/onnx/index.ts');
  const opened: LoadedGraph[] = [];
  const openGraph = createGraphOpener(spec, (filePath) => {
    const graph = openOnnxGraph(filePath, spec.onnx, spec.library);
    opened.push(graph);
    return graph;
  });
  try {
    const task = await openTask(spec, openGraph);
    return new BatchRunner(spec.stepMs > 0 ? slowTask(task, spec.stepMs) : task, spec) as ReplicaLoop;
  } catch (error) {
    for (const graph of opened) graph.close();
    throw error;
  }
}

/** An operator has no graph: its process does without ONNX Runtime. */
async function openOperator(spec: ModelSpec): Promise<ReplicaLoop> {
  const openGraph = (): never => {
    throw new PlinthError({ code: 'invalid_model_file', message: `The model '${spec.name}' has no file.` });
  };
  return new BatchRunner(await openTask(spec, openGraph), spec) as ReplicaLoop;
}
