import koffi, { type LibraryHandle } from 'koffi';
import type { PlinthError } from '../../../core/errors/index.ts';
import { ContextParams, ModelParams, type ParamsStruct } from './structs.ts';

/** Versions whose structures are laid out as `structs.ts` says. */
const KNOWN_VERSIONS = /^0\.[45]\.0(-|$)/;
const EXPECTED = '0.4.0 or 0.5.0';
/** What a longer structure than ours may write beyond its end. */
const ROOM_BYTES = 512;

/** Defaults of llama.h v0.4.0 and v0.5.0. A field that has moved reads as something else. */
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

type Refuse = (detail: string) => PlinthError;

/**
 * The version that the library gives itself. Throws what `refuse` makes of it when it gives none, as builds before v0.4.0, or one
 * whose layouts are not known.
 */
export function checkVersion(library: LibraryHandle, to: { readonly fileName: string; readonly refuse: Refuse }): string {
  const version = readVersion(library);
  if (version === undefined) throw to.refuse(`${to.fileName} does not tell its version, ${EXPECTED} was expected`);
  if (!KNOWN_VERSIONS.test(version)) throw to.refuse(`version ${version} was found, ${EXPECTED} was expected`);
  return version;
}

function readVersion(library: LibraryHandle): string | undefined {
  try {
    return (library.func('const char* llama_version()') as () => string)();
  } catch {
    return undefined;
  }
}

/**
 * Proves that the library's structures are those of `structs.ts`, before a pointer is trusted. They are read with room behind them, so
 * that one which has grown writes into that room. Throws what `refuse` makes of the field that differs.
 */
export function checkLayouts(library: LibraryHandle, to: { readonly version: string; readonly refuse: Refuse }): void {
  for (const { struct, read, defaults } of layouts) {
    const actual = (library.func(read) as () => { readonly params: ParamsStruct })().params;
    const field = Object.keys(defaults).find((name) => actual[name] !== defaults[name]);
    if (field === undefined) continue;
    const found = `${struct}.${field} is ${String(actual[field])} where ${String(defaults[field])} was expected`;
    throw to.refuse(`version ${to.version} has another layout, ${found}`);
  }
}

const room = koffi.array('uint8', ROOM_BYTES);
koffi.struct('roomy_context_params', { params: ContextParams, room });
koffi.struct('roomy_model_params', { params: ModelParams, room });

const layouts: readonly {
  readonly struct: string;
  readonly read: string;
  readonly defaults: Readonly<Record<string, number | boolean>>;
}[] = [
  {
    struct: 'llama_context_params',
    read: 'roomy_context_params llama_context_default_params()',
    defaults: CONTEXT_DEFAULTS,
  },
  { struct: 'llama_model_params', read: 'roomy_model_params llama_model_default_params()', defaults: MODEL_DEFAULTS },
];
