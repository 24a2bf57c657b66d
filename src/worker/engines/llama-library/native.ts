import { basename } from 'node:path';
import koffi, { type LibraryHandle } from 'koffi';
import { PlinthError } from '../../../core/errors/index.ts';
import { checkLayouts, checkVersion } from './check-abi.ts';
import { findLibrary, libraryFile, type LibraryLocation } from './find-library.ts';
import { Batch, ContextParams, ModelParams, type BatchStruct, type ParamsStruct, type Pointer } from './structs.ts';

/** Native entry points, declared once. Types follow llama.h; pointers are addresses. */
export type Native = ReturnType<typeof declare>;

type Fn<A extends unknown[], R> = (...args: A) => R;
type Declare = <T>(prototype: string) => T;

/** The libraries of one build in this process. */
export interface LoadedLibrary {
  readonly native: Native;
  readonly location: LibraryLocation;
  /** `3.22.1` where the build is of a package, `v0.5.0-dev` as the library calls itself otherwise. */
  readonly release: string;
}

/**
 * Loads the shared libraries of the best installed package, or of a folder, and proves their layout. Once per process. Throws
 * PlinthError: `engine_failed` for installed libraries, `invalid_request` for those of a folder.
 */
export function loadNative(device: 'best' | 'cpu', folder?: string): LoadedLibrary {
  const location = findLibrary(device, folder);
  const refuse = (detail: string): PlinthError => misfit(detail, folder);
  const load = (name: string) => {
    const file = libraryFile(location.folder, name);
    return orRefuse(() => koffi.load(file, { global: true }), `${basename(file)} cannot be loaded`, refuse);
  };
  load('ggml-base');
  const ggml = load('ggml');
  const llama = load('llama');
  const version = checkVersion(llama, { fileName: basename(libraryFile(location.folder, 'llama')), refuse });
  const native = orRefuse(() => declare(llama), `llama.cpp ${version} lacks a function`, refuse);
  checkLayouts(llama, { version, refuse });
  const loadBackends: Fn<[string], void> = ggml.func('void ggml_backend_load_all_from_path(const char*)');
  native.setLog(ignoreLog(), null);
  loadBackends(location.folder);
  native.backendInit();
  return { native, location, release: location.release ?? `v${version}` };
}

function orRefuse<T>(work: () => T, detail: string, refuse: (detail: string) => PlinthError): T {
  try {
    return work();
  } catch {
    throw refuse(detail);
  }
}

function misfit(detail: string, folder: string | undefined): PlinthError {
  if (folder === undefined) {
    const advice = 'Install the pinned packages again (npm ci).';
    const message = `The installed llama.cpp library does not fit this version of Plinth: ${detail}. ${advice}`;
    return new PlinthError({ code: 'engine_failed', message });
  }
  const message = `The llama.cpp library in '${basename(folder)}' does not fit this version of Plinth: ${detail}.`;
  return new PlinthError({ code: 'invalid_request', message, param: 'library' });
}

/**
 * A C function that takes a log line and does nothing. The library logs from its own threads, where no JavaScript may run, so the
 * sink must be native: abs(3) looks at its first argument only, which here is the level.
 */
function ignoreLog(): Pointer {
  const libraries = { darwin: 'libSystem.B.dylib', win32: 'msvcrt.dll' } as const;
  const name = process.platform === 'darwin' || process.platform === 'win32' ? libraries[process.platform] : 'libc.so.6';
  const sink: unknown = koffi.load(name).symbol('abs');
  return koffi.address(sink);
}

function declare(library: LibraryHandle) {
  // The structs are looked up by name in the prototypes below.
  void [ModelParams, ContextParams, Batch];
  const f: Declare = <T>(prototype: string) => library.func(prototype) as T;
  return { ...declareLibrary(f), ...declareModel(f), ...declareContext(f), ...declareVocabulary(f), ...declareSamplers(f) };
}

function declareLibrary(f: Declare) {
  return {
    setLog: f<Fn<[Pointer | null, null], void>>('void llama_log_set(void*, void*)'),
    backendInit: f<Fn<[], void>>('void llama_backend_init()'),
    modelDefaults: f<Fn<[], ParamsStruct>>('llama_model_params llama_model_default_params()'),
    contextDefaults: f<Fn<[], ParamsStruct>>('llama_context_params llama_context_default_params()'),
  };
}

function declareModel(f: Declare) {
  return {
    loadModel: f<Fn<[string, ParamsStruct], Pointer>>('void* llama_model_load_from_file(const char*, llama_model_params)'),
    freeModel: f<Fn<[Pointer], void>>('void llama_model_free(void*)'),
    vocabulary: f<Fn<[Pointer], Pointer>>('void* llama_model_get_vocab(void*)'),
    trainedContext: f<Fn<[Pointer], number>>('int32 llama_model_n_ctx_train(void*)'),
    embeddingSize: f<Fn<[Pointer], number>>('int32 llama_model_n_embd_out(void*)'),
    layerCount: f<Fn<[Pointer], number>>('int32 llama_model_n_layer(void*)'),
    headCount: f<Fn<[Pointer], number>>('int32 llama_model_n_head(void*)'),
    keyValueHeadCount: f<Fn<[Pointer], number>>('int32 llama_model_n_head_kv(void*)'),
    inputSize: f<Fn<[Pointer], number>>('int32 llama_model_n_embd(void*)'),
    hasDecoder: f<Fn<[Pointer], boolean>>('bool llama_model_has_decoder(void*)'),
    hasEncoder: f<Fn<[Pointer], boolean>>('bool llama_model_has_encoder(void*)'),
    isRecurrent: f<Fn<[Pointer], boolean>>('bool llama_model_is_recurrent(void*)'),
    isHybrid: f<Fn<[Pointer], boolean>>('bool llama_model_is_hybrid(void*)'),
    parameterCount: f<Fn<[Pointer], number | bigint>>('uint64 llama_model_n_params(void*)'),
    fileType: f<Fn<[Pointer], number>>('int32 llama_model_ftype(void*)'),
    fileTypeName: f<Fn<[number], string>>('const char* llama_ftype_name(int32)'),
    metadata: f<Fn<[Pointer, string, Buffer, number], number>>(
      'int32 llama_model_meta_val_str(void*, const char*, _Out_ char*, size_t)',
    ),
    chatTemplate: f<Fn<[Pointer, null], string | null>>('const char* llama_model_chat_template(void*, const char*)'),
  };
}

function declareContext(f: Declare) {
  return {
    createContext: f<Fn<[Pointer, ParamsStruct], Pointer>>('void* llama_init_from_model(void*, llama_context_params)'),
    freeContext: f<Fn<[Pointer], void>>('void llama_free(void*)'),
    poolingType: f<Fn<[Pointer], number>>('int32 llama_pooling_type(void*)'),
    memory: f<Fn<[Pointer], Pointer>>('void* llama_get_memory(void*)'),
    setThreads: f<Fn<[Pointer, number, number], void>>('void llama_set_n_threads(void*, int32, int32)'),
    setEmbeddings: f<Fn<[Pointer, boolean], void>>('void llama_set_embeddings(void*, bool)'),
    decode: f<Fn<[Pointer, BatchStruct], number>>('int32 llama_decode(void*, llama_batch)'),
    createBatch: f<Fn<[number, number, number], BatchStruct>>('llama_batch llama_batch_init(int32, int32, int32)'),
    logitsOf: f<Fn<[Pointer, number], Pointer>>('void* llama_get_logits_ith(void*, int32)'),
    embeddingsOf: f<Fn<[Pointer, number], Pointer>>('void* llama_get_embeddings_ith(void*, int32)'),
    pooledEmbeddingsOf: f<Fn<[Pointer, number], Pointer>>('void* llama_get_embeddings_seq(void*, int32)'),
    removeCells: f<Fn<[Pointer, number, number, number], boolean>>('bool llama_memory_seq_rm(void*, int32, int32, int32)'),
    copyCells: f<Fn<[Pointer, number, number, number, number], void>>(
      'void llama_memory_seq_cp(void*, int32, int32, int32, int32)',
    ),
  };
}

function declareVocabulary(f: Declare) {
  return {
    tokenCount: f<Fn<[Pointer], number>>('int32 llama_vocab_n_tokens(void*)'),
    tokenText: f<Fn<[Pointer, number], string>>('const char* llama_vocab_get_text(void*, int32)'),
    isEndToken: f<Fn<[Pointer, number], boolean>>('bool llama_vocab_is_eog(void*, int32)'),
    isControlToken: f<Fn<[Pointer, number], boolean>>('bool llama_vocab_is_control(void*, int32)'),
    bosToken: f<Fn<[Pointer], number>>('int32 llama_vocab_bos(void*)'),
    eosToken: f<Fn<[Pointer], number>>('int32 llama_vocab_eos(void*)'),
    addsBos: f<Fn<[Pointer], boolean>>('bool llama_vocab_get_add_bos(void*)'),
    infillPrefix: f<Fn<[Pointer], number>>('int32 llama_vocab_fim_pre(void*)'),
    infillSuffix: f<Fn<[Pointer], number>>('int32 llama_vocab_fim_suf(void*)'),
    infillMiddle: f<Fn<[Pointer], number>>('int32 llama_vocab_fim_mid(void*)'),
    tokenize: f<Fn<[Pointer, Buffer, number, Int32Array, number, boolean, boolean], number>>(
      'int32 llama_tokenize(void*, const char*, int32, _Out_ int32*, int32, bool, bool)',
    ),
    tokenPiece: f<Fn<[Pointer, number, Buffer, number, number, boolean], number>>(
      'int32 llama_token_to_piece(void*, int32, _Out_ char*, int32, int32, bool)',
    ),
  };
}

function declareSamplers(f: Declare) {
  return {
    chainSamplers: f<Fn<[boolean], Pointer>>('void* llama_sampler_chain_init(bool)'),
    addSampler: f<Fn<[Pointer, Pointer], void>>('void llama_sampler_chain_add(void*, void*)'),
    freeSampler: f<Fn<[Pointer], void>>('void llama_sampler_free(void*)'),
    applySampler: f<Fn<[Pointer, Pointer], void>>('void llama_sampler_apply(void*, void*)'),
    acceptToken: f<Fn<[Pointer, number], void>>('void llama_sampler_accept(void*, int32)'),
    sample: f<Fn<[Pointer, Pointer, number], number>>('int32 llama_sampler_sample(void*, void*, int32)'),
    greedySampler: f<Fn<[], Pointer>>('void* llama_sampler_init_greedy()'),
    distributionSampler: f<Fn<[number], Pointer>>('void* llama_sampler_init_dist(uint32)'),
    topKSampler: f<Fn<[number], Pointer>>('void* llama_sampler_init_top_k(int32)'),
    topPSampler: f<Fn<[number, number], Pointer>>('void* llama_sampler_init_top_p(float, size_t)'),
    minPSampler: f<Fn<[number, number], Pointer>>('void* llama_sampler_init_min_p(float, size_t)'),
    temperatureSampler: f<Fn<[number], Pointer>>('void* llama_sampler_init_temp(float)'),
    penaltySampler: f<Fn<[number, number, number, number, number], Pointer>>(
      'void* llama_sampler_init_penalties(int32, int32, float, float, float)',
    ),
    biasSampler: f<Fn<[number, number, Buffer], Pointer>>('void* llama_sampler_init_logit_bias(int32, int32, const uint8*)'),
    grammarSampler: f<Fn<[Pointer, string, string], Pointer>>(
      'void* llama_sampler_init_grammar(void*, const char*, const char*)',
    ),
  };
}
