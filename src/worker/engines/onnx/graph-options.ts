import type { OnnxOptions } from '../../../core/models/index.ts';
import type { OnnxLibrary, Pointer } from '../onnx-library/index.ts';
import { providerFailure } from './engine-failures.ts';

const ALL_OPTIMIZATIONS = 99;
/** Several replicas of one thread answer more requests than one replica of several threads. */
const DEFAULT_THREADS = 1;

type ProviderName = OnnxOptions['executionProvider'];

const providerNames: Readonly<Record<string, ProviderName>> = {
  CPUExecutionProvider: 'cpu',
  CUDAExecutionProvider: 'cuda',
  TensorrtExecutionProvider: 'tensorrt',
  WebGpuExecutionProvider: 'webgpu',
};

/** Threads inside an operator; 0 becomes the default. */
export function threadsOf(options: OnnxOptions): number {
  return options.intraOpThreads || DEFAULT_THREADS;
}

/**
 * Native options for loading a graph; whoever asks releases them.
 * @throws PlinthError `engine_failed` when the execution provider is not to be had.
 */
export function createGraphOptions(library: OnnxLibrary, options: OnnxOptions): Pointer {
  const { api } = library;
  const pointer = library.pointer((out) => api.createOptions(out));
  const spins = options.spinning === 'on' ? '1' : '0';
  try {
    library.check(api.setOptimization(pointer, ALL_OPTIMIZATIONS));
    library.check(api.setIntraOpThreads(pointer, threadsOf(options)));
    library.check(api.setInterOpThreads(pointer, 1));
    library.check(api.addConfigEntry(pointer, 'session.intra_op.allow_spinning', spins));
    library.check(api.addConfigEntry(pointer, 'session.inter_op.allow_spinning', spins));
    library.check(options.memoryArena === 'on' ? api.enableArena(pointer) : api.disableArena(pointer));
    // A pattern is kept for every set of input shapes ever seen, which callers choose.
    library.check(api.disableMemoryPattern(pointer));
    appendProvider(library, pointer, options.executionProvider);
  } catch (error) {
    api.releaseOptions(pointer);
    throw error;
  }
  return pointer;
}

/** The processor stays behind every other provider, for the operators that it lacks. */
function appendProvider(library: OnnxLibrary, options: Pointer, wanted: ProviderName): void {
  const available = library.providers().map((name) => providerNames[name] ?? name);
  try {
    if (wanted === 'cuda' || wanted === 'tensorrt') appendCuda(library, options);
    if (wanted === 'tensorrt') appendTensorrt(library, options);
    if (wanted === 'webgpu') library.check(library.api.appendProvider(options, 'WebGPU', null, null, 0));
  } catch (error) {
    throw providerFailure(error, { wanted, available: available.toReversed().join(', ') });
  }
}

function appendCuda(library: OnnxLibrary, options: Pointer): void {
  const { api } = library;
  const cuda = library.pointer((out) => api.createCudaOptions(out));
  try {
    library.check(api.appendCuda(options, cuda));
  } finally {
    api.releaseCudaOptions(cuda);
  }
}

function appendTensorrt(library: OnnxLibrary, options: Pointer): void {
  const { api } = library;
  const tensorrt = library.pointer((out) => api.createTensorrtOptions(out));
  try {
    library.check(api.appendTensorrt(options, tensorrt));
  } finally {
    api.releaseTensorrtOptions(tensorrt);
  }
}
