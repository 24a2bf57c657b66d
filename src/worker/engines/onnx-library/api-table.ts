import koffi from 'koffi';

/** A native address; null stands for NULL in what the library returns, 0n in memory. */
export type Pointer = bigint;

/** NULL is success; anything else must be released. */
export type Status = Pointer | null;

/** Memory of this process that native code reads or writes while it is called. */
export type Room = Uint8Array | Int32Array | BigInt64Array | BigUint64Array;

type Fn<A extends unknown[], R> = (...args: A) => R;
type Declare = <T>(index: number, prototype: string) => T;

const PATH = process.platform === 'win32' ? 'const char16_t*' : 'const char*';
const POINTER_BYTES = 8;
/** Entries up to this one are used. */
const TABLE_LENGTH = 391;

/** Entries of OrtApi by their place in onnxruntime_c_api.h, which only ever grows at its end. */
export type OnnxApi = ReturnType<typeof declareApi>;

/** Types have names and are made once, however many builds are loaded. */
const entryTypes = new Map<number, ReturnType<typeof koffi.proto>>();

/** Makes functions of the table at `table`. */
export function declareApi(table: Pointer) {
  const entries = new BigUint64Array(koffi.view(table, TABLE_LENGTH * POINTER_BYTES));
  const f: Declare = <T>(index: number, prototype: string) => {
    const type = entryTypes.get(index) ?? koffi.proto(prototype.replace('(', ` OrtEntry${index}(`));
    entryTypes.set(index, type);
    return koffi.decode(entries[index], type) as T;
  };
  return { ...declareStatuses(f), ...declareOptions(f), ...declareProviders(f), ...declareGraphs(f), ...declareValues(f) };
}

function declareStatuses(f: Declare) {
  return {
    createStatus: f<Fn<[number, string], Pointer>>(0, 'void*(int, const char*)'),
    errorCode: f<Fn<[Pointer], number>>(1, 'int(void*)'),
    errorMessage: f<Fn<[Pointer], string>>(2, 'const char*(void*)'),
    releaseStatus: f<Fn<[Pointer], void>>(93, 'void(void*)'),
    createEnvironment: f<Fn<[number, string, Room], Status>>(3, 'void*(int, const char*, void*)'),
    disableTelemetry: f<Fn<[Pointer], Status>>(6, 'void*(void*)'),
    defaultAllocator: f<Fn<[Room], Status>>(78, 'void*(void*)'),
    free: f<Fn<[Pointer, Pointer], Status>>(76, 'void*(void*, void*)'),
    cpuMemory: f<Fn<[number, number, Room], Status>>(69, 'void*(int, int, void*)'),
  };
}

function declareOptions(f: Declare) {
  return {
    createOptions: f<Fn<[Room], Status>>(10, 'void*(void*)'),
    releaseOptions: f<Fn<[Pointer], void>>(100, 'void(void*)'),
    disableMemoryPattern: f<Fn<[Pointer], Status>>(17, 'void*(void*)'),
    enableArena: f<Fn<[Pointer], Status>>(18, 'void*(void*)'),
    disableArena: f<Fn<[Pointer], Status>>(19, 'void*(void*)'),
    setLogSeverity: f<Fn<[Pointer, number], Status>>(22, 'void*(void*, int)'),
    setOptimization: f<Fn<[Pointer, number], Status>>(23, 'void*(void*, int)'),
    setIntraOpThreads: f<Fn<[Pointer, number], Status>>(24, 'void*(void*, int)'),
    setInterOpThreads: f<Fn<[Pointer, number], Status>>(25, 'void*(void*, int)'),
    addConfigEntry: f<Fn<[Pointer, string, string], Status>>(130, 'void*(void*, const char*, const char*)'),
  };
}

function declareProviders(f: Declare) {
  return {
    availableProviders: f<Fn<[Room, Room], Status>>(125, 'void*(void*, void*)'),
    releaseProviders: f<Fn<[Pointer, number], Status>>(126, 'void*(void*, int)'),
    appendProvider: f<Fn<[Pointer, string, null, null, number], Status>>(216, 'void*(void*, const char*, void*, void*, size_t)'),
    createCudaOptions: f<Fn<[Room], Status>>(205, 'void*(void*)'),
    appendCuda: f<Fn<[Pointer, Pointer], Status>>(204, 'void*(void*, void*)'),
    releaseCudaOptions: f<Fn<[Pointer], void>>(208, 'void(void*)'),
    createTensorrtOptions: f<Fn<[Room], Status>>(171, 'void*(void*)'),
    appendTensorrt: f<Fn<[Pointer, Pointer], Status>>(170, 'void*(void*, void*)'),
    releaseTensorrtOptions: f<Fn<[Pointer], void>>(174, 'void(void*)'),
  };
}

/** Graphs are what the C API calls sessions. */
function declareGraphs(f: Declare) {
  const count = (index: number) => f<Fn<[Pointer, Room], Status>>(index, 'void*(void*, void*)');
  const typeOf = (index: number) => f<Fn<[Pointer, number, Room], Status>>(index, 'void*(void*, size_t, void*)');
  const nameOf = (index: number) => f<Fn<[Pointer, number, Pointer, Room], Status>>(index, 'void*(void*, size_t, void*, void*)');
  return {
    createGraph: f<Fn<[Pointer, string, Pointer, Room], Status>>(7, `void*(void*, ${PATH}, void*, void*)`),
    releaseGraph: f<Fn<[Pointer], void>>(95, 'void(void*)'),
    run: f<Fn<[Pointer, null, Room, Room, number, Room, number, Room], Status>>(
      9,
      'void*(void*, void*, void*, void*, size_t, void*, size_t, void*)',
    ),
    required: { count: count(30), typeOf: typeOf(33), nameOf: nameOf(36) },
    results: { count: count(31), typeOf: typeOf(34), nameOf: nameOf(37) },
    overridable: { count: count(32), typeOf: typeOf(35), nameOf: nameOf(38) },
    kindOfType: f<Fn<[Pointer, Room], Status>>(56, 'void*(void*, void*)'),
    tensorOfType: f<Fn<[Pointer, Room], Status>>(55, 'void*(void*, void*)'),
    releaseType: f<Fn<[Pointer], void>>(98, 'void(void*)'),
  };
}

function declareValues(f: Declare) {
  return {
    createValue: f<Fn<[Pointer, Room | null, number, number, Room], Status>>(48, 'void*(void*, void*, size_t, int, void*)'),
    wrapValue: f<Fn<[Pointer, Pointer, number, Room | null, number, number, Room], Status>>(
      49,
      'void*(void*, void*, size_t, void*, size_t, int, void*)',
    ),
    releaseValue: f<Fn<[Pointer], void>>(96, 'void(void*)'),
    dataOf: f<Fn<[Pointer, Room], Status>>(51, 'void*(void*, void*)'),
    fillStrings: f<Fn<[Pointer, Room, number], Status>>(52, 'void*(void*, void*, size_t)'),
    stringsLength: f<Fn<[Pointer, Room], Status>>(53, 'void*(void*, void*)'),
    readStrings: f<Fn<[Pointer, Room, number, Room, number], Status>>(54, 'void*(void*, void*, size_t, void*, size_t)'),
    resizeString: f<Fn<[Pointer, number, number, Room], Status>>(252, 'void*(void*, size_t, size_t, void*)'),
    shapeOfValue: f<Fn<[Pointer, Room], Status>>(65, 'void*(void*, void*)'),
    releaseShape: f<Fn<[Pointer], void>>(99, 'void(void*)'),
    elementTypeOf: f<Fn<[Pointer, Room], Status>>(60, 'void*(void*, void*)'),
    rankOf: f<Fn<[Pointer, Room], Status>>(61, 'void*(void*, void*)'),
    dimensionsOf: f<Fn<[Pointer, Room, number], Status>>(62, 'void*(void*, void*, size_t)'),
    symbolsOf: f<Fn<[Pointer, Room, number], Status>>(63, 'void*(void*, void*, size_t)'),
    hasShape: f<Fn<[Pointer], boolean>>(390, 'bool(void*)'),
  };
}
