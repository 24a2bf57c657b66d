import { statSync } from 'node:fs';
import { basename } from 'node:path';
import { PlinthError } from '../../../core/errors/index.ts';
import type { ModelFacts, ModelSpec } from '../../../core/models/index.ts';
import type { GraphPort, LoadedGraph, OpenGraph } from '../../graph.ts';
import { checkConfig } from './check-config.ts';
import { completeConfig } from './complete-config.ts';
import { planTensors, type TensorPlan } from './tensor-plan.ts';
import { TensorTask } from './tensor-task.ts';
import { warmUp } from './warm-up.ts';

/**
 * Opens a model that takes arrays as they come: its configuration is completed from the graph, checked against it, and the model's
 * warm-up samples are run. `configJson` is left to control, which knows what was given. Throws PlinthError `invalid_model_file`.
 */
export function openTensorTask(spec: ModelSpec, openGraph: OpenGraph): TensorTask {
  const { name, filePath } = spec;
  if (filePath === undefined) throw new PlinthError({ code: 'invalid_model_file', message: `The model '${name}' has no file.` });
  const graph = openGraph(basename(filePath));
  const config = completeConfig(name, spec.tensors, graph);
  checkConfig(name, config, graph);
  const ranks = new Map([...graph.inputs, ...graph.outputs].map((port) => [port.name, rankOf(port)]));
  const plan = planTensors(name, config, ranks);
  const facts = describeModel(plan, graph, statSync(filePath).size);
  const task = new TensorTask({ graph, plan, ranks, facts });
  warmUp(task, plan);
  return task;
}

function rankOf({ shape, isUnranked }: GraphPort): number {
  return isUnranked ? -1 : shape.length;
}

function describeModel({ config }: TensorPlan, graph: LoadedGraph, fileBytes: number): ModelFacts {
  return {
    architecture: 'onnx',
    parameterCount: 0,
    quantization: '',
    fileBytes,
    engine: graph.engine,
    contextTokens: 0,
    embeddingDimensions: 0,
    slots: Math.max(1, config.maxBatchSize),
    capabilities: ['tensors'],
    tensors: { config, platform: 'onnxruntime_onnx', configJson: {} },
  };
}
