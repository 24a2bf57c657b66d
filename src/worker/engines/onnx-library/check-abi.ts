import koffi from 'koffi';
import { PlinthError } from '../../../core/errors/index.ts';
import type { OnnxApi, Pointer, Room, Status } from './api-table.ts';
import { elementTypes } from './element-types.ts';
import { ONNX_RELEASE } from './find-library.ts';

const SAMPLE_CODE = 9;
const SAMPLE_TEXT = 'plinth';

interface Library {
  readonly version: string;
  readonly api: OnnxApi;
  readonly memory: Pointer;
  pointer(call: (out: Room) => Status): Pointer;
  size(call: (out: Room) => Status): number;
  integer(call: (out: Room) => Status): number;
  check(status: Status): void;
  providers(): string[];
}

/**
 * Proves that the function table is laid out as `api-table.ts` says, by having a status, a tensor and the list of providers go
 * through it. The engine's tests go through the rest.
 * @throws PlinthError `engine_failed` that says what differs.
 */
export function checkOnnxAbi(library: Library): void {
  if (library.version !== ONNX_RELEASE) throw mismatch(`version ${ONNX_RELEASE} was expected, ${library.version} was found`);
  checkStatus(library.api);
  checkTensor(library);
  if (!library.providers().includes('CPUExecutionProvider')) throw mismatch('it has no CPUExecutionProvider');
}

function checkStatus(api: OnnxApi): void {
  const status = api.createStatus(SAMPLE_CODE, SAMPLE_TEXT);
  const code = api.errorCode(status);
  const text = api.errorMessage(status);
  api.releaseStatus(status);
  if (code !== SAMPLE_CODE || text !== SAMPLE_TEXT) throw mismatch('a status does not keep its code and text');
}

function checkTensor(library: Library): void {
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
  if (!isRight) throw mismatch('a tensor does not keep its shape and place');
}

function mismatch(detail: string): PlinthError {
  const message = `The installed ONNX Runtime library does not fit this version of Plinth: ${detail}. Install the pinned packages again (npm ci).`;
  return new PlinthError({ code: 'engine_failed', message });
}
