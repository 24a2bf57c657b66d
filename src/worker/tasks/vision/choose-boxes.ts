/** A finding of a detector, in the pixels of the tensor that it saw: left, top, right, bottom. */
export interface FoundBox {
  readonly box: readonly [number, number, number, number];
  readonly classIndex: number;
  readonly score: number;
}

export interface DetectorOutput {
  readonly values: Float32Array;
  /** Of one picture, without the batch dimension. */
  readonly shape: readonly [number, number];
}

/** More candidates than this are not compared with each other: a picture has no thousand things worth telling. */
const MOST_CANDIDATES = 3000;

/**
 * The boxes of a YOLO head with at least this score. Two layouts: [4 + classes, anchors] with centre, size and a score per class (v8, v11),
 * and [boxes, 6] with corners, score and class, already freed of doubles (v10, 26).
 */
export function readBoxes({ values, shape }: DetectorOutput, threshold: number): FoundBox[] {
  const [rows, columns] = shape;
  return columns === 6 && rows > 6
    ? readFinished(values, rows, threshold)
    : readAnchors(values, { channels: rows, anchors: columns, threshold });
}

function readFinished(values: Float32Array, rows: number, threshold: number): FoundBox[] {
  const found: FoundBox[] = [];
  for (let row = 0; row < rows; row++) {
    const [left = 0, top = 0, right = 0, bottom = 0, score = 0, classIndex = 0] = values.subarray(row * 6, row * 6 + 6);
    if (score >= threshold) found.push({ box: [left, top, right, bottom], classIndex: Math.round(classIndex), score });
  }
  return found;
}

interface AnchorTable {
  readonly channels: number;
  readonly anchors: number;
  readonly threshold: number;
}

function readAnchors(values: Float32Array, { channels, anchors, threshold }: AnchorTable): FoundBox[] {
  const found: FoundBox[] = [];
  const at = (channel: number, anchor: number): number => values[channel * anchors + anchor] ?? 0;
  for (let anchor = 0; anchor < anchors; anchor++) {
    let classIndex = 0;
    let score = -Infinity;
    for (let channel = 4; channel < channels; channel++) {
      const own = at(channel, anchor);
      if (own > score) [score, classIndex] = [own, channel - 4];
    }
    if (!(score >= threshold)) continue;
    const [x, y, halfWidth, halfHeight] = [at(0, anchor), at(1, anchor), at(2, anchor) / 2, at(3, anchor) / 2];
    found.push({ box: [x - halfWidth, y - halfHeight, x + halfWidth, y + halfHeight], classIndex, score });
  }
  return found;
}

/** Of boxes of one class that overlap by more than `overlap` (intersection over union) only the best stays. Best first, at most `top`. */
export function chooseBoxes(found: readonly FoundBox[], limits: { readonly overlap: number; readonly top: number }): FoundBox[] {
  const kept: FoundBox[] = [];
  for (const candidate of found.toSorted((a, b) => b.score - a.score).slice(0, MOST_CANDIDATES)) {
    if (kept.length >= limits.top) break;
    const isDouble = kept.some(
      (one) => one.classIndex === candidate.classIndex && overlapOf(one.box, candidate.box) > limits.overlap,
    );
    if (!isDouble) kept.push(candidate);
  }
  return kept;
}

export function overlapOf(a: FoundBox['box'], b: FoundBox['box']): number {
  const width = Math.min(a[2], b[2]) - Math.max(a[0], b[0]);
  const height = Math.min(a[3], b[3]) - Math.max(a[1], b[1]);
  if (width <= 0 || height <= 0) return 0;
  const shared = width * height;
  return shared / (areaOf(a) + areaOf(b) - shared);
}

function areaOf([left, top, right, bottom]: FoundBox['box']): number {
  return (right - left) * (bottom - top);
}
