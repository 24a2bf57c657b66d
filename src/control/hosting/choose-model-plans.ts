import { modelSchema, type Config, type ModelConfig } from '../../core/config/index.ts';
import { PlinthError } from '../../core/errors/index.ts';
import type { UpstreamAddress } from '../../core/messages/index.ts';
import type { ModelFacts, ModelSpec, TaskName } from '../../core/models/index.ts';
import type { VersionRecord } from '../../core/records/index.ts';

/** One version of a model that is to be served. */
export interface ModelPlan {
  /** Complete but for what the store finds out. */
  readonly spec: ModelSpec;
  /** What the store obtains; absent when the file lies in place or the engine needs none. */
  readonly reference?: string;
  readonly replicaCount: number;
  /** What the configuration says of the model itself; it outweighs what the store finds out. */
  readonly named: { readonly engine?: ModelSpec['engine'] | undefined; readonly task?: TaskName | undefined };
  /** Requests that a replica may hold when they are batched whole. */
  readonly batchedSlots: number;
  /** An ensemble is these facts and has no replicas. */
  readonly ensemble?: ModelFacts;
  /** Others run it. */
  readonly upstream?: UpstreamAddress;
  /** Whether the version before may leave first where memory is too short for both. */
  readonly swap: 'never' | 'held';
  /** Adds to a replica's facts what only the configuration knows. */
  readonly describe: (facts: ModelFacts) => ModelFacts;
}

/** The configured models with every default filled in. Throws `invalid_request` when two have the same name. */
export function chooseModelPlans(config: Config): readonly ModelPlan[] {
  const plans = config.models.map((entry) => planModel(config, typeof entry === 'string' ? readEntry(entry) : entry));
  refuseTwins(plans.map((plan) => plan.spec.name));
  return plans;
}

/** Throws `invalid_request` when a name stands twice. */
export function refuseTwins(names: readonly string[]): void {
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice === undefined) return;
  throw new PlinthError({
    code: 'invalid_request',
    message: `Two configured models are named '${twice}'; give one another name.`,
    param: 'models',
  });
}

/** A model that was given by a path, a source reference or a name of the catalog and nothing else. */
export function readEntry(reference: string, name: string = nameOfReference(reference)): ModelConfig {
  return { name, source: reference, stepMs: 0, failEvery: 0 };
}

/** The plan of one configured model. */
export function planModel(config: Config, model: ModelConfig): ModelPlan {
  const { engine, queue, onnx } = config;
  const { executionProvider, intraOpThreads, spinning, memoryArena } = { ...onnx, ...withoutGaps(model.onnx ?? {}) };
  const spec: ModelSpec = {
    name: model.name,
    version: '1',
    engine: model.engine ?? 'llama',
    task: model.task ?? 'generate',
    onnx: { executionProvider, intraOpThreads, spinning, memoryArena },
    slots: model.slots ?? engine.slots,
    contextTokens: model.contextTokens ?? engine.contextTokens,
    threads: model.threads ?? engine.threads,
    gpuLayers: model.gpuLayers ?? engine.gpuLayers,
    memoryLimitBytes: model.memoryLimitBytes ?? engine.memoryLimitBytes,
    queueLength: model.queueLength ?? queue.length,
    queueTimeoutMs: model.queueTimeoutMs ?? queue.timeoutMs,
    stepMs: model.stepMs,
    ...(model.failEvery > 0 && { failEvery: model.failEvery }),
    ...(model.library !== undefined && { library: model.library }),
  };
  const plan: ModelPlan = {
    spec,
    replicaCount: model.replicas ?? engine.replicas,
    named: { engine: model.engine, task: model.task },
    batchedSlots: model.slots ?? onnx.slots,
    describe: (facts) => facts,
    swap: model.swap ?? 'never',
  };
  if (model.upstream !== undefined) return { ...plan, upstream: withoutGaps(model.upstream) };
  return model.engine === 'echo' ? plan : { ...plan, reference: model.source ?? model.name };
}

/** The plan of a version of the book. Throws `invalid_request` when its settings are not those of a configured model. */
export function planVersion(config: Config, { model, version, reference, settings }: VersionRecord): ModelPlan {
  const read = modelSchema.safeParse({ ...settings, name: model, ...(reference !== undefined && { source: reference }) });
  if (!read.success) {
    const problems = read.error.issues.map(({ path, message }) => `${path.join('.') || 'settings'}: ${message}`).join('; ');
    const message = `The settings of ${model}:${version} are not ones that this version of Plinth knows: ${problems}.`;
    throw new PlinthError({ code: 'invalid_request', message, param: 'settings' });
  }
  const plan = planModel(config, read.data);
  return { ...plan, spec: { ...plan.spec, version } };
}

/** What the store found, as far as a replica has to know it. */
export interface FoundFiles {
  readonly engine: 'llama' | 'onnx';
  readonly task: TaskName;
  readonly filePath: string;
  readonly folderPath?: string;
}

/** What a replica is told once the store has the model's files. */
export function completeSpec({ spec, named, batchedSlots }: ModelPlan, found: FoundFiles): ModelSpec {
  const engine = named.engine ?? found.engine;
  const task = named.task ?? found.task;
  const isBatched = engine === 'onnx' && task !== 'generate';
  return {
    ...spec,
    engine,
    task,
    slots: isBatched ? batchedSlots : spec.slots,
    filePath: found.filePath,
    ...(found.folderPath !== undefined && { folderPath: found.folderPath }),
  };
}

function withoutGaps<T extends object>(given: T): { [K in keyof T]: NonNullable<T[K]> } {
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]: NonNullable<T[K]>;
  };
}

/** Catalog names stand for themselves; of a path or a source reference the file's name remains, without its ending and revision. */
export function nameOfReference(reference: string): string {
  const isPlainName = !/[:/\\]|\.(gguf|onnx)$/i.test(reference);
  if (isPlainName) return reference;
  const path = reference.replace(/[/\\]+$/, '');
  const file = (path.split(/[/\\]/).at(-1) ?? path).replace(/\.(gguf|onnx)(@[^@]*)?([?#].*)?$/i, '');
  const name = file
    .replace(/[^A-Za-z0-9._-]+/g, '-')
    .replace(/^[^A-Za-z0-9]+/, '')
    .slice(0, 100);
  return name === '' ? 'model' : name;
}
