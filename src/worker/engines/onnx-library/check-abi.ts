import koffi from 'koffi';
import type { PlinthError } from '../../../core/errors/index.ts';
import type { OnnxApi, Pointer, Room, Status } from './api-table.ts';
import { elementTypes } from './element-types.ts';

const SAMPLE_CODE = 9;
const SAMPLE_TEXT = 'plinth';

interface Library {
  readonly api: OnnxApi;
  readonly memory: Pointer;
  pointer(call: (out: Room) => Status): Pointer;
  size(call: (out: Room) => Status): number;
  integer(call: (out: Room) => Status): number;
  check(status: Status): void;
  providers(): string[];
}

type Refuse = (detail: string) => PlinthError;

/**
 * Proves that the function table is laid out as `api-table.ts` says, by having a status, a tensor and the list of providers go
 * through it. The engine's tests go through the rest. Throws what `refuse` makes of what differs.
 */
export function checkOnnxAbi(library: Library, refuse: Refuse): void {
  checkStatus(library.api, refuse);
  checkTensor(library, refuse);
  if (!library.providers().includes('CPUExecutionProvider')) throw refuse('it has no CPUExecutionProvider');
}

function checkStatus(api: OnnxApi, refuse: Refuse): void {
  const status = api.createStatus(SAMPLE_CODE, SAMPLE_TEXT);
  const code = api.errorCode(status);
  const text = api.errorMessage(status);
  api.releaseStatus(status);
  if (code !== SAMPLE_CODE || text !== SAMPLE_TEXT) throw refuse('a status does not keep its code and text');
}

function checkTensor(library: Library, refuse: Refuse): void {
  const { api } = library;
  const data = new Float32Array(6);
  const wanted = [2, 3];
  const dimensions = BigInt64Array.from(wanted, BigInt);
  const value = library.pointer((out) =>
    api.wrapValue(library.memory, koffi.address(data), data.byteLength, dimensions, wanted.length, elementTypes.FP32, out),
  );
  const shape = library.pointer((out) => api.shapeOfValue(value, out));
  const found = new BigInt64Array(new ArrayBuffer(16));
  library.check(api.dimensionsOf(shape, found, wanted.length));
  const isRight =
    library.size((out) => api.rankOf(shape, out)) === wanted.length &&
    library.integer((out) => api.elementTypeOf(shape, out)) === elementTypes.FP32 &&
    library.pointer((out) => api.dataOf(value, out)) === koffi.address(data) &&
    found.every((size, at) => Number(size) === wanted[at]);
  api.releaseShape(shape);
  api.releaseValue(value);
  if (!isRight) throw refuse('a tensor does not keep its shape and place');
}
