import { freemem } from 'node:os';
import { statSync } from 'node:fs';
import { PlinthError } from '../../../core/errors/index.ts';
import type { ModelFacts, ModelSpec } from '../../../core/models/index.ts';
import { choosePool } from '../choose-pool.ts';
import { loadNative, type LoadedLibrary, type Native, type Pointer } from '../llama-library/index.ts';
import { LlamaEngine } from './llama-engine.ts';
import { Vocabulary } from './vocabulary.ts';

/** Pooling kinds of llama.h that end in one vector per input. */
const POOLING = { none: 0, rank: 4 };
const STEP_TOKENS = 512;
const HALF_BYTES = 2;

/**
 * Loads a GGUF file into llama.cpp. The file must have passed the structural screen.
 * @throws PlinthError `engine_failed` when the library or the model cannot be loaded.
 */
export function openLlamaEngine(spec: ModelSpec): LlamaEngine {
  const library = loadNative(spec.gpuLayers === 0 ? 'cpu' : 'best', spec.library);
  const { native } = library;
  if (spec.filePath === undefined) throw failure(`Model ${spec.name} has no file.`);
  const model = loadModel(native, spec, spec.filePath);
  const poolTokens = poolFor(native, model, spec);
  const isEncoder = native.hasEncoder(model) || !native.hasDecoder(model);
  const context = openContext({ native, model, spec, poolTokens, isEncoder });
  const pooling = native.poolingType(context);
  if (pooling === POOLING.rank) throw failure(`Model ${spec.name} is a reranking model, which this engine does not serve.`);
  const embedsWhole = isEncoder || pooling !== POOLING.none;
  const vocabulary = new Vocabulary(native, native.vocabulary(model));
  const template = native.chatTemplate(model, null) ?? undefined;
  return new LlamaEngine({
    native,
    model,
    context,
    vocabulary,
    poolTokens,
    stepTokens: embedsWhole ? poolTokens : STEP_TOKENS,
    embedsWhole,
    keepsPrefixes: !native.isRecurrent(model) && !native.isHybrid(model) && !isEncoder,
    template,
    threads: spec.threads,
    facts: describe({
      library,
      model,
      spec,
      poolTokens,
      embedsWhole,
      canInfill: vocabulary.infill('', '') !== undefined,
    }),
  });
}

function loadModel(native: Native, spec: ModelSpec, filePath: string): Pointer {
  const load = () => native.loadModel(filePath, { ...native.modelDefaults(), n_gpu_layers: spec.gpuLayers });
  const model = load();
  if (model) return model;
  // Once more with the library's log on, so that its reason stands on standard error.
  native.setLog(null, null);
  load();
  throw failure(`llama.cpp cannot load the file of model ${spec.name}; it may be damaged or of an unknown architecture.`);
}

function poolFor(native: Native, model: Pointer, spec: ModelSpec): number {
  const headSize = native.inputSize(model) / Math.max(1, native.headCount(model));
  const keyValueSize = headSize * native.keyValueHeadCount(model);
  return choosePool({
    wantedTokens: spec.contextTokens,
    trainedTokens: native.trainedContext(model),
    bytesPerToken: native.layerCount(model) * keyValueSize * 2 * HALF_BYTES,
    freeBytes: freemem(),
  });
}

interface ContextPlan {
  readonly native: Native;
  readonly model: Pointer;
  readonly spec: ModelSpec;
  readonly poolTokens: number;
  readonly isEncoder: boolean;
}

function openContext({ native, model, spec, poolTokens, isEncoder }: ContextPlan): Pointer {
  const open = (stepTokens: number, embeddings: boolean) =>
    native.createContext(model, {
      ...native.contextDefaults(),
      n_ctx: poolTokens,
      n_batch: stepTokens,
      n_ubatch: stepTokens,
      n_seq_max: spec.slots + 2,
      n_outputs_max_per_seq: 0,
      n_threads: 1,
      n_threads_batch: 1,
      embeddings,
      kv_unified: true,
    });
  let context = open(isEncoder ? poolTokens : STEP_TOKENS, isEncoder);
  if (context && !isEncoder && native.poolingType(context) !== POOLING.none) {
    native.freeContext(context);
    context = open(poolTokens, true);
  }
  if (!context) throw failure(`There is not enough memory for ${poolTokens} tokens of context for model ${spec.name}.`);
  return context;
}

interface Description {
  readonly library: LoadedLibrary;
  readonly model: Pointer;
  readonly spec: ModelSpec;
  readonly poolTokens: number;
  readonly embedsWhole: boolean;
  readonly canInfill: boolean;
}

function describe({ library, model, spec, poolTokens, embedsWhole, canInfill }: Description): ModelFacts {
  const { native, release, location } = library;
  return {
    architecture: readMetadata(native, model, 'general.architecture') ?? 'unknown',
    parameterCount: Number(native.parameterCount(model)),
    quantization: native.fileTypeName(native.fileType(model)).replace(' - ', '_').replace('Medium', 'M').replace('Small', 'S'),
    fileBytes: statSync(spec.filePath ?? '').size,
    engine: `llama.cpp ${release} ${location.device}`,
    contextTokens: Math.min(native.trainedContext(model), poolTokens),
    embeddingDimensions: native.embeddingSize(model),
    slots: spec.slots,
    capabilities: embedsWhole ? ['embed'] : ['chat', 'completion', 'embed', 'tools', ...(canInfill ? (['infill'] as const) : [])],
  };
}

function readMetadata(native: Native, model: Pointer, key: string): string | undefined {
  const buffer = Buffer.alloc(256);
  const length = native.metadata(model, key, buffer, buffer.length);
  return length < 0 ? undefined : buffer.toString('utf8', 0, Math.min(length, buffer.length - 1));
}

function failure(message: string): PlinthError {
  return new PlinthError({ code: 'engine_failed', message });
}
