import { PlinthError } from '../../../core/errors/index.ts';
import type { ParamsStruct } from './structs.ts';

const LIBRARY_VERSION = /^0\.5\.0(-|$)/;

/** Defaults of llama.h v0.5.0. A field that has moved reads as something else. */
const CONTEXT_DEFAULTS = {
  n_ctx: 512,
  n_batch: 2048,
  n_ubatch: 512,
  n_seq_max: 1,
  n_outputs_max_per_seq: 1,
  ctx_type: 0,
  rope_scaling_type: -1,
  pooling_type: -1,
  attention_type: -1,
  flash_attn_type: -1,
  yarn_ext_factor: -1,
  defrag_thold: -1,
  type_k: 1,
  type_v: 1,
  embeddings: false,
  offload_kqv: true,
  no_perf: true,
  op_offload: true,
  swa_full: true,
  kv_unified: false,
};

const MODEL_DEFAULTS = {
  n_gpu_layers: -1,
  split_mode: 1,
  load_mode: -1,
  lazy_mode: 1,
  main_gpu: 0,
  vocab_only: false,
  check_tensors: false,
  use_extra_bufts: true,
  no_host: false,
  no_alloc: false,
  load_mtp: false,
};

interface SelfDescription {
  version(): string;
  contextDefaults(): ParamsStruct;
  modelDefaults(): ParamsStruct;
}

/**
 * Proves that the library is the one whose layouts `structs.ts` holds, before a pointer is trusted.
 * @throws PlinthError `engine_failed` naming the field or version that differs.
 */
export function checkAbi(native: SelfDescription): void {
  const version = native.version();
  if (!LIBRARY_VERSION.test(version)) throw mismatch(`version 0.5.0 was expected, ${version} was found`);
  compare('llama_context_params', CONTEXT_DEFAULTS, native.contextDefaults());
  compare('llama_model_params', MODEL_DEFAULTS, native.modelDefaults());
}

function compare(
  struct: string,
  expected: Readonly<Record<string, number | boolean>>,
  actual: Readonly<Record<string, unknown>>,
): void {
  for (const [field, value] of Object.entries(expected)) {
    if (actual[field] !== value) throw mismatch(`${struct}.${field} is ${String(actual[field])} where ${value} was expected`);
  }
}

function mismatch(detail: string): PlinthError {
  const message = `The installed llama.cpp library does not fit this version of Plinth: ${detail}. Install the pinned packages again (npm ci).`;
  return new PlinthError({ code: 'engine_failed', message });
}
