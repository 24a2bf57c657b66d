import { basename } from 'node:path';
import koffi, { type LibraryHandle } from 'koffi';
import { PlinthError } from '../../../core/errors/index.ts';
import { declareApi, type OnnxApi, type Pointer, type Room, type Status } from './api-table.ts';
import { checkOnnxAbi } from './check-abi.ts';
import { findOnnxLibrary, ONNX_RELEASE } from './find-library.ts';

/** The version of the table that this engine asks for; the library keeps serving older ones. */
const API_VERSION = 24;
/**
 * Only what kills the process. An error also comes back as a status, and its text may hold values out of a caller's tensors, which
 * belong in the answer and in no log.
 */
const LOG_FATAL = 4;
const ARENA_ALLOCATOR = 1;
const DEFAULT_MEMORY = 0;

/** A failure as the library tells it. `code` is an OrtErrorCode. */
export class OnnxFailure extends Error {
  override readonly name = 'OnnxFailure';
  readonly code: number;

  constructor(code: number, message: string) {
    super(message);
    this.code = code;
  }
}

/** ONNX Runtime in this process: its functions, one environment, one allocator. */
export class OnnxLibrary {
  readonly version: string;
  readonly api: OnnxApi;
  readonly environment: Pointer;
  readonly allocator: Pointer;
  /** Describes memory of the processor. */
  readonly memory: Pointer;
  readonly #pointer = room();
  readonly #number = new Int32Array(new ArrayBuffer(8));

  constructor(api: OnnxApi, version: string) {
    this.api = api;
    this.version = version;
    this.environment = this.pointer((out) => api.createEnvironment(LOG_FATAL, 'plinth', out));
    this.check(api.disableTelemetry(this.environment));
    this.allocator = this.pointer((out) => api.defaultAllocator(out));
    this.memory = this.pointer((out) => api.cpuMemory(ARENA_ALLOCATOR, DEFAULT_MEMORY, out));
  }

  /** Throws OnnxFailure unless the status is success, and releases it. */
  check(status: Status): void {
    if (status === null) return;
    const failure = new OnnxFailure(this.api.errorCode(status), this.api.errorMessage(status));
    this.api.releaseStatus(status);
    throw failure;
  }

  /** The pointer that a function writes into its last argument. Throws OnnxFailure. */
  pointer(call: (out: Room) => Status): Pointer {
    this.check(call(this.#pointer));
    return this.#pointer[0] ?? 0n;
  }

  /** The size that a function writes into its last argument. Throws OnnxFailure. */
  size(call: (out: Room) => Status): number {
    return Number(this.pointer(call));
  }

  /** The enumeration's value that a function writes into its last argument. Throws OnnxFailure. */
  integer(call: (out: Room) => Status): number {
    this.check(call(this.#number));
    return this.#number[0] ?? 0;
  }

  /** A text that the function allocates. Throws OnnxFailure. */
  text(call: (out: Room) => Status): string {
    const pointer = this.pointer(call);
    const text = koffi.decode.string(pointer);
    this.check(this.api.free(this.allocator, pointer));
    return text;
  }

  /** Execution providers that this build was made with; what they need besides may be missing. */
  providers(): string[] {
    const count = new Int32Array(new ArrayBuffer(8));
    const list = this.pointer((out) => this.api.availableProviders(out, count));
    const length = count[0] ?? 0;
    const names = new BigUint64Array(koffi.view(list, length * 8));
    const texts = Array.from(names, (name) => koffi.decode.string(name));
    this.check(this.api.releaseProviders(list, length));
    return texts;
  }
}

/** Room for one pointer. */
function room(): BigUint64Array {
  return new BigUint64Array(new ArrayBuffer(8));
}

const getVersionType = koffi.proto('const char* OrtGetVersion()');
const getApiType = koffi.proto('void* OrtGetApi(uint32)');

/** By folder; that of the installed package is empty. */
const loaded = new Map<string, OnnxLibrary>();
/** Files stay mapped as long as their handles are reachable; functions out of a table do not hold them. */
const mapped: LibraryHandle[] = [];

/**
 * The library of the installed package, or of a folder; loaded, proved and set up once per process. Throws PlinthError: `engine_failed`
 * for the installed one, `invalid_request` for one of a folder.
 */
export function loadOnnxLibrary(folder?: string): OnnxLibrary {
  const known = loaded.get(folder ?? '');
  if (known !== undefined) return known;
  const library = load(folder);
  loaded.set(folder ?? '', library);
  return library;
}

function load(folder: string | undefined): OnnxLibrary {
  const refuse = (detail: string): PlinthError => misfit(detail, folder);
  const library = mapLibrary(findOnnxLibrary(folder), refuse);
  const getBase = library.func('void* OrtGetApiBase()') as () => Pointer;
  const [getApi, getVersion] = new BigUint64Array(koffi.view(getBase(), 16));
  const version = (koffi.decode(getVersion, getVersionType) as () => string)();
  if (folder === undefined && version !== ONNX_RELEASE)
    throw refuse(`version ${ONNX_RELEASE} was expected, ${version} was found`);
  if (!isServed(version)) throw refuse(`version ${version} was found, 1.${API_VERSION} or newer was expected`);
  const table = (koffi.decode(getApi, getApiType) as (version: number) => Status)(API_VERSION);
  if (table === null) throw refuse(`version ${version} does not serve version ${API_VERSION} of its API`);
  const made = new OnnxLibrary(declareApi(table), version);
  checkOnnxAbi(made, refuse);
  return made;
}

/** Every later release serves the table of this version too (`OrtApiBase::GetApi` in onnxruntime_c_api.h). */
function isServed(version: string): boolean {
  const [major, minor] = version.split('.').map(Number);
  return major === 1 && minor !== undefined && minor >= API_VERSION;
}

function mapLibrary(file: string, refuse: (detail: string) => PlinthError): LibraryHandle {
  try {
    const library = koffi.load(file);
    mapped.push(library);
    return library;
  } catch {
    throw refuse(`${basename(file)} cannot be loaded`);
  }
}

function misfit(detail: string, folder: string | undefined): PlinthError {
  if (folder === undefined) {
    const advice = 'Install the pinned packages again (npm ci).';
    const message = `The installed ONNX Runtime library does not fit this version of Plinth: ${detail}. ${advice}`;
    return new PlinthError({ code: 'engine_failed', message });
  }
  const message = `The ONNX Runtime library in '${basename(folder)}' does not fit this version of Plinth: ${detail}.`;
  return new PlinthError({ code: 'invalid_request', message, param: 'library' });
}
