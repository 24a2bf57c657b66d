import { PlinthError } from '../../../core/errors/index.ts';
import type { Tensor, TensorDatatype } from '../../../core/inference/index.ts';
import { elementCount, encodeBytesElements } from './tensor-bytes.ts';

/** How an output is to be turned into classes. */
export interface ClassificationWish {
  /** So many of the best classes; all when there are fewer. */
  readonly count: number;
  /** Names of the classes by index. */
  readonly labels: readonly string[] | undefined;
  /** Rows of the first dimension are classified one by one. */
  readonly rows: 'batched' | 'single';
}

type Value = number | bigint;

const READERS: Readonly<Partial<Record<TensorDatatype, (view: DataView, index: number) => Value>>> = {
  UINT8: (view, index) => view.getUint8(index),
  UINT16: (view, index) => view.getUint16(index * 2, true),
  UINT32: (view, index) => view.getUint32(index * 4, true),
  UINT64: (view, index) => view.getBigUint64(index * 8, true),
  INT8: (view, index) => view.getInt8(index),
  INT16: (view, index) => view.getInt16(index * 2, true),
  INT32: (view, index) => view.getInt32(index * 4, true),
  INT64: (view, index) => view.getBigInt64(index * 8, true),
  FP32: (view, index) => view.getFloat32(index * 4, true),
  FP64: (view, index) => view.getFloat64(index * 8, true),
};

/**
 * The best classes of an output as `value:index[:label]`, a `BYTES` tensor of shape [k] or [rows, k]. Throws `invalid_request` for an
 * output whose values have no order.
 */
export function classifyTensor(tensor: Tensor, wish: ClassificationWish): Tensor {
  const read = READERS[tensor.datatype];
  if (read === undefined) {
    const message = `class result not available for output due to unsupported type '${tensor.datatype}'`;
    throw new PlinthError({ code: 'invalid_request', message });
  }
  const rows = wish.rows === 'batched' ? (tensor.shape[0] ?? 1) : 1;
  const total = elementCount(tensor.shape);
  const perRow = rows === 0 ? 0 : total / rows;
  const kept = Math.min(wish.count, perRow);
  const view = new DataView(tensor.data.buffer, tensor.data.byteOffset, tensor.data.byteLength);
  const isReal = tensor.datatype === 'FP32' || tensor.datatype === 'FP64';
  const texts: string[] = [];
  if (kept > MOST_RANKED && total > MOST_SORTED) throw tooManyClasses(tensor.name, kept);
  for (let row = 0; row < rows; row++) {
    const valueAt = (index: number): Value => read(view, row * perRow + index);
    for (const index of bestOf(valueAt, perRow, kept))
      texts.push(describeClass(valueAt(index), { index, isReal, labels: wish.labels }));
  }
  const shape = wish.rows === 'batched' ? [rows, kept] : [kept];
  return { name: tensor.name, datatype: 'BYTES', shape, data: encodeBytesElements(texts) };
}

/** Up to so many classes a row are picked out in one pass; for more the row is sorted, which takes long for a large one. */
const MOST_RANKED = 1000;
const MOST_SORTED = 1_000_000;

function tooManyClasses(output: string, count: number): PlinthError {
  const message = `output '${output}' is too large to find its best ${count} classes; ask for at most ${MOST_RANKED}`;
  return new PlinthError({ code: 'invalid_request', message });
}

type ValueAt = (index: number) => Value;

/** Indexes of the greatest values, the greatest first; of equals the earlier one. What is no number comes last. */
function bestOf(valueAt: ValueAt, length: number, count: number): readonly number[] {
  if (count > MOST_RANKED) return sortAll(valueAt, length).slice(0, count);
  const best: number[] = [];
  for (let index = 0; index < length; index++) {
    const value = valueAt(index);
    const last = best.length < count ? undefined : best.at(-1);
    if (last !== undefined && compare(value, valueAt(last)) <= 0) continue;
    if (last !== undefined) best.pop();
    best.splice(placeOf(value, best, valueAt), 0, index);
  }
  return best;
}

/** The place behind all that are not smaller. */
function placeOf(value: Value, best: readonly number[], valueAt: ValueAt): number {
  let low = 0;
  let high = best.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (compare(value, valueAt(best[middle] ?? 0)) > 0) high = middle;
    else low = middle + 1;
  }
  return low;
}

function sortAll(valueAt: ValueAt, length: number): readonly number[] {
  const values = Array.from({ length }, (_, index) => valueAt(index));
  return values.map((_, index) => index).toSorted((a, b) => compare(values[b] ?? 0, values[a] ?? 0));
}

function compare(a: Value, b: Value): number {
  if (a > b) return 1;
  if (a < b) return -1;
  return Number(Number.isNaN(b)) - Number(Number.isNaN(a));
}

interface ClassPlace {
  readonly index: number;
  readonly isReal: boolean;
  readonly labels: readonly string[] | undefined;
}

function describeClass(value: Value, { index, isReal, labels }: ClassPlace): string {
  const label = labels?.[index];
  const text = isReal && typeof value === 'number' ? formatReal(value) : String(value);
  return label === undefined || label === '' ? `${text}:${index}` : `${text}:${index}:${label}`;
}

/** As C's `%f` prints it. */
function formatReal(value: number): string {
  if (Number.isNaN(value)) return 'nan';
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf';
  return Math.abs(value) < 1e21 ? value.toFixed(6) : `${BigInt(value)}.000000`;
}
