import type { Config, ModelConfig } from '../core/config/index.ts';
import { PlinthError } from '../core/errors/index.ts';
import { defaultOnnxOptions, type ModelSpec } from '../core/models/index.ts';

/** What is to be served under one name. */
export interface ModelPlan {
  /** Complete but for the file. */
  readonly spec: ModelSpec;
  /** What the store obtains; absent when the engine needs no file. */
  readonly reference?: string;
  readonly replicaCount: number;
}

/** The configured models with every default filled in. Throws `invalid_request` when two have the same name. */
export function chooseModelPlans(config: Config): readonly ModelPlan[] {
  const plans = config.models.map((entry) => planModel(config, typeof entry === 'string' ? readEntry(entry) : entry));
  const names = plans.map((plan) => plan.spec.name);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice === undefined) return plans;
  throw new PlinthError({
    code: 'invalid_request',
    message: `Two configured models are named '${twice}'; give one another name.`,
    param: 'models',
  });
}

function readEntry(reference: string): ModelConfig {
  return { name: nameOfReference(reference), source: reference, engine: 'llama', stepMs: 0 };
}

function planModel(config: Config, model: ModelConfig): ModelPlan {
  const { engine, queue } = config;
  const spec: ModelSpec = {
    name: model.name,
    version: '1',
    engine: model.engine,
    task: 'generate',
    onnx: defaultOnnxOptions,
    slots: model.slots ?? engine.slots,
    contextTokens: model.contextTokens ?? engine.contextTokens,
    threads: model.threads ?? engine.threads,
    gpuLayers: model.gpuLayers ?? engine.gpuLayers,
    memoryLimitBytes: model.memoryLimitBytes ?? engine.memoryLimitBytes,
    queueLength: model.queueLength ?? queue.length,
    queueTimeoutMs: model.queueTimeoutMs ?? queue.timeoutMs,
    stepMs: model.stepMs,
  };
  const replicaCount = model.replicas ?? engine.replicas;
  return model.engine === 'echo' ? { spec, replicaCount } : { spec, replicaCount, reference: model.source ?? model.name };
}

/** Catalog names stand for themselves; of a path or a source reference the file's name remains, without its ending and revision. */
export function nameOfReference(reference: string): string {
  const isPlainName = !/[:/\\]|\.gguf$/i.test(reference);
  if (isPlainName) return reference;
  const file = (reference.split(/[/\\]/).at(-1) ?? reference).replace(/\.gguf(@[^@]*)?([?#].*)?$/i, '');
  const name = file
    .replace(/[^A-Za-z0-9._-]+/g, '-')
    .replace(/^[^A-Za-z0-9]+/, '')
    .slice(0, 100);
  return name === '' ? 'model' : name;
}
