import { datatypeBytes, type ScoredClass, type Tensor } from '../../../core/inference/index.ts';
import type { FoundObject } from './read-answer.ts';

/** Numbers of a tensor that are compared, from its beginning. */
const MOST_NUMBERS = 262_144;
/** Scores and boxes of one answer: their comparison costs the square of them. */
const MOST_PAIRED = 300;
/** Numbers count as the same up to so much of their length; engines add in different orders. */
const ROUNDING = 1e-3;

/** Two lists of numbers: whether they are the same, the same but for rounding, and how alike they are, 0…1. */
export interface NumberLikeness {
  readonly exact: boolean;
  readonly normalised: boolean;
  readonly similarity: number;
}

const UNLIKE: NumberLikeness = { exact: false, normalised: false, similarity: 0 };

/** Vectors by their cosine; one that points the other way, or has another length, is unlike. */
export function vectorLikeness(a: Float32Array, b: Float32Array): NumberLikeness {
  if (a.length !== b.length) return UNLIKE;
  const similarity = Math.min(1, Math.max(0, cosineOf(a, b)));
  return { exact: a.every((value, at) => value === b[at]), normalised: similarity >= 1 - ROUNDING, similarity };
}

/** The cosine of two vectors of one length; 0 where one has no direction. */
export function cosineOf(a: Float32Array, b: Float32Array): number {
  let product = 0;
  let squaresA = 0;
  let squaresB = 0;
  for (let at = 0; at < a.length; at++) {
    const x = a[at] ?? 0;
    const y = b[at] ?? 0;
    product += x * y;
    squaresA += x * x;
    squaresB += y * y;
  }
  const cosine = product / Math.sqrt(squaresA * squaresB);
  return Number.isFinite(cosine) ? cosine : 0;
}

/** Scores by the order that they make: the share of pairs that both put in the same order. A single score by its squeezed distance. */
export function scoresLikeness(a: readonly number[], b: readonly number[]): NumberLikeness {
  if (a.length !== b.length) return UNLIKE;
  const exact = a.every((score, at) => Object.is(score, b[at]));
  const isClose = a.every((score, at) => Math.abs(score - (b[at] ?? NaN)) <= ROUNDING * Math.max(1, Math.abs(score)));
  if (a.length < 2) return { exact, normalised: isClose, similarity: isClose ? 1 : squeezedLikeness(a[0], b[0]) };
  let pairs = 0;
  let agreeing = 0;
  const count = Math.min(a.length, MOST_PAIRED);
  for (let one = 0; one < count; one++) {
    for (let other = one + 1; other < count; other++) {
      pairs++;
      if (orderOf(a, one, other) === orderOf(b, one, other)) agreeing++;
    }
  }
  return { exact, normalised: isClose, similarity: agreeing / pairs };
}

/** Half for the winner, half for how far the shares of the classes overlap. */
export function classesLikeness(a: readonly ScoredClass[], b: readonly ScoredClass[]): NumberLikeness {
  const exact = a.length === b.length && a.every(({ label, score }, at) => label === b[at]?.label && score === b[at].score);
  if (exact) return { exact, normalised: true, similarity: 1 };
  const sharesA = sharesOf(a);
  const sharesB = sharesOf(b);
  let overlap = 0;
  for (const [label, share] of sharesA) overlap += Math.min(share, sharesB.get(label) ?? 0);
  const isSameWinner = a[0] !== undefined && a[0].label === b[0]?.label;
  return { exact, normalised: isSameWinner, similarity: (isSameWinner ? 0.5 : 0) + Math.min(1, overlap) / 2 };
}

/** Objects by how far the boxes of one label cover each other (intersection over union), each matched once, the best matches first. */
export function objectsLikeness(a: readonly FoundObject[], b: readonly FoundObject[]): NumberLikeness {
  const one = a.slice(0, MOST_PAIRED);
  const other = b.slice(0, MOST_PAIRED);
  const most = Math.max(one.length, other.length);
  if (most === 0) return { exact: true, normalised: true, similarity: 1 };
  const pairs = one.flatMap((first, i) =>
    other.flatMap((second, j) => (first.label === second.label ? [{ i, j, covered: coverOf(first.box, second.box) }] : [])),
  );
  const takenA = new Set<number>();
  const takenB = new Set<number>();
  let covered = 0;
  let matched = 0;
  for (const pair of pairs.toSorted((x, y) => y.covered - x.covered)) {
    if (takenA.has(pair.i) || takenB.has(pair.j)) continue;
    takenA.add(pair.i);
    takenB.add(pair.j);
    covered += pair.covered;
    if (pair.covered >= 0.5) matched++;
  }
  return { exact: one.length === other.length && covered >= most, normalised: matched === most, similarity: covered / most };
}

/** Tensors by name, then by their numbers: 1 − the distance over the length; whole numbers and strings by the share that is equal. */
export function tensorsLikeness(a: readonly Tensor[], b: readonly Tensor[]): NumberLikeness {
  const names = new Set([...a, ...b].map(({ name }) => name));
  if (names.size === 0) return { exact: true, normalised: true, similarity: 1 };
  const each = [...names].map((name) => {
    const one = a.filter((tensor) => tensor.name === name);
    const other = b.filter((tensor) => tensor.name === name);
    if (one.length !== other.length) return UNLIKE;
    return averageLikeness(one.map((tensor, at) => tensorLikeness(tensor, other[at])));
  });
  return averageLikeness(each);
}

/** Exact where all are; the mean of how alike they are. Nothing to compare is alike. */
export function averageLikeness(all: readonly NumberLikeness[]): NumberLikeness {
  if (all.length === 0) return { exact: true, normalised: true, similarity: 1 };
  const sum = all.reduce((total, { similarity }) => total + similarity, 0);
  return { exact: all.every(({ exact }) => exact), normalised: all.every((one) => one.normalised), similarity: sum / all.length };
}

function tensorLikeness(a: Tensor, b: Tensor | undefined): NumberLikeness {
  if (b === undefined || a.datatype !== b.datatype || a.shape.join() !== b.shape.join()) return UNLIKE;
  if (Buffer.compare(a.data, b.data) === 0) return { exact: true, normalised: true, similarity: 1 };
  const isFloat = /^(?:FP|BF)/.test(a.datatype);
  const similarity = isFloat ? relativeLikeness(readFloats(a), readFloats(b)) : equalShare(elementsOf(a), elementsOf(b));
  return { exact: false, normalised: isFloat ? similarity >= 1 - ROUNDING : similarity === 1, similarity };
}

/** 1 − ‖a − b‖ ∕ ‖a‖, never below 0. What is no number in both is the same; in one of them it makes the two unlike. */
function relativeLikeness(a: readonly number[], b: readonly number[]): number {
  let distance = 0;
  let length = 0;
  for (const [at, x] of a.entries()) {
    const y = b[at] ?? NaN;
    if (Object.is(x, y)) length += Number.isFinite(x) ? x * x : 0;
    else if (!Number.isFinite(x) || !Number.isFinite(y)) return 0;
    else {
      distance += (x - y) ** 2;
      length += x * x;
    }
  }
  if (distance === 0) return 1;
  const likeness = 1 - Math.sqrt(distance / length);
  return Number.isFinite(likeness) ? Math.max(0, likeness) : 0;
}

function equalShare(a: readonly string[], b: readonly string[]): number {
  const most = Math.max(a.length, b.length);
  if (most === 0) return 1;
  return a.filter((element, at) => element === b[at]).length / most;
}

/** Elements as text that is equal when they are; `BYTES` elements are a u32 length and so many bytes. */
function elementsOf({ datatype, data }: Tensor): readonly string[] {
  const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  const width = datatypeBytes[datatype];
  const elements: string[] = [];
  for (let at = 0; at < bytes.length && elements.length < MOST_NUMBERS;) {
    const start = width === 0 ? at + 4 : at;
    if (start > bytes.length) break;
    const end = width === 0 ? start + bytes.readUInt32LE(at) : at + width;
    elements.push(bytes.toString('latin1', start, end));
    at = end;
  }
  return elements;
}

function readFloats({ datatype, data }: Tensor): readonly number[] {
  const width = datatypeBytes[datatype];
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const count = Math.min(MOST_NUMBERS, Math.floor(data.byteLength / width));
  return Array.from({ length: count }, (_, at) => floatAt(view, at * width, datatype));
}

function floatAt(view: DataView, offset: number, datatype: Tensor['datatype']): number {
  if (datatype === 'FP64') return view.getFloat64(offset, true);
  if (datatype === 'FP32') return view.getFloat32(offset, true);
  if (datatype === 'FP16') return view.getFloat16(offset, true);
  const wide = new DataView(new ArrayBuffer(4));
  wide.setUint32(0, view.getUint16(offset, true) << 16);
  return wide.getFloat32(0);
}

/** The classes' shares of 1. What is no share yet, such as logits, becomes one (softmax). */
function sharesOf(classes: readonly ScoredClass[]): ReadonlyMap<string, number> {
  const sum = classes.reduce((total, { score }) => total + score, 0);
  const areShares = classes.every(({ score }) => score >= 0) && sum <= 1 + ROUNDING;
  if (areShares) return new Map(classes.map(({ label, score }) => [label, score]));
  const highest = Math.max(...classes.map(({ score }) => score));
  const weights = classes.map(({ score }) => Math.exp(score - highest));
  const total = weights.reduce((all, weight) => all + weight, 0);
  return new Map(classes.map(({ label }, at) => [label, (weights[at] ?? 0) / total]));
}

function coverOf(a: FoundObject['box'], b: FoundObject['box']): number {
  const width = Math.min(a[2], b[2]) - Math.max(a[0], b[0]);
  const height = Math.min(a[3], b[3]) - Math.max(a[1], b[1]);
  const common = Math.max(0, width) * Math.max(0, height);
  const area = (box: FoundObject['box']) => Math.max(0, box[2] - box[0]) * Math.max(0, box[3] - box[1]);
  const both = area(a) + area(b) - common;
  return both > 0 ? common / both : a.join() === b.join() ? 1 : 0;
}

function orderOf(scores: readonly number[], one: number, other: number): number {
  return Math.sign((scores[one] ?? 0) - (scores[other] ?? 0));
}

function squeezedLikeness(a = NaN, b = NaN): number {
  const squeeze = (score: number) => 1 / (1 + Math.exp(-score));
  const likeness = 1 - Math.abs(squeeze(a) - squeeze(b));
  return Number.isFinite(likeness) ? likeness : 0;
}
