import { areaOf, cornersOf, growRectangle, smallestRectangle, type Point } from './rectangle.ts';

/** How likely each pixel belongs to text, 0…1, rows from the top. */
export interface TextMap {
  readonly values: Float32Array;
  readonly width: number;
  readonly height: number;
}

interface Size {
  readonly width: number;
  readonly height: number;
}

/** A line of text: corners in the map's pixels, clockwise from its top left. */
export interface TextRegion {
  readonly corners: readonly [Point, Point, Point, Point];
  readonly score: number;
}

/** Values of PaddleOCR's DBPostProcess. */
const PIXEL_THRESHOLD = 0.3;
const REGION_THRESHOLD = 0.5;
const GROWTH = 1.6;
const LEAST_SIDE = 3;
const MOST_REGIONS = 1000;

/**
 * The lines of text in a map of a differentiable-binarization detector (DB, Liao et al. 2020): connected pixels above a threshold, the
 * least rectangle around them, grown again by what the training had shrunk it.
 */
export function findRegions(map: TextMap): TextRegion[] {
  const regions: TextRegion[] = [];
  for (const patch of connectedPatches(map)) {
    if (regions.length >= MOST_REGIONS) break;
    const rectangle = smallestRectangle(patch.outline);
    const score = patch.sum / patch.count;
    if (2 * Math.min(...rectangle.half) < LEAST_SIDE || score < REGION_THRESHOLD) continue;
    const around = 4 * (rectangle.half[0] + rectangle.half[1]);
    const grown = growRectangle(rectangle, (areaOf(rectangle) * GROWTH) / around);
    if (2 * Math.min(...grown.half) < LEAST_SIDE + 2) continue;
    regions.push({ corners: cornersOf(grown), score });
  }
  return regions.toSorted(byReadingOrder);
}

/** The corners of regions in the pixels of the picture that the map was made of. */
export function placeRegions(regions: readonly TextRegion[], map: Size, picture: Size): Array<TextRegion['corners']> {
  const place = ([x, y]: Point): Point => [
    placeOn(x, picture.width / map.width, picture.width),
    placeOn(y, picture.height / map.height, picture.height),
  ];
  return regions.map(({ corners: [a, b, c, d] }) => [place(a), place(b), place(c), place(d)]);
}

function placeOn(at: number, scale: number, length: number): number {
  return Math.min(length - 1, Math.max(0, at * scale));
}

/** Lines from the top; what starts within half a line's height of each other is one line, from the left. */
function byReadingOrder(a: TextRegion, b: TextRegion): number {
  const height = Math.min(a.corners[3][1] - a.corners[0][1], b.corners[3][1] - b.corners[0][1]);
  const down = a.corners[0][1] - b.corners[0][1];
  return Math.abs(down) < Math.max(1, height / 2) ? a.corners[0][0] - b.corners[0][0] : down;
}

interface Patch {
  /** First and last pixel of each of its rows: enough for a hull. */
  readonly outline: readonly Point[];
  readonly sum: number;
  readonly count: number;
}

function* connectedPatches(map: TextMap): Generator<Patch> {
  const { values, width, height } = map;
  const isSeen = new Uint8Array(width * height);
  const stack: number[] = [];
  for (let start = 0; start < values.length; start++) {
    if (isSeen[start] === 1 || (values[start] ?? 0) <= PIXEL_THRESHOLD) continue;
    isSeen[start] = 1;
    stack.push(start);
    yield gatherPatch(map, { stack, isSeen });
  }
}

interface Flood {
  readonly stack: number[];
  readonly isSeen: Uint8Array;
}

function gatherPatch({ values, width, height }: TextMap, { stack, isSeen }: Flood): Patch {
  const rows = new Map<number, [number, number]>();
  let [sum, count] = [0, 0];
  for (let at = stack.pop(); at !== undefined; at = stack.pop()) {
    const [x, y] = [at % width, Math.floor(at / width)];
    sum += values[at] ?? 0;
    count += 1;
    const row = rows.get(y);
    if (row === undefined) rows.set(y, [x, x]);
    else rows.set(y, [Math.min(row[0], x), Math.max(row[1], x)]);
    for (let ny = Math.max(0, y - 1); ny <= Math.min(height - 1, y + 1); ny++) {
      for (let nx = Math.max(0, x - 1); nx <= Math.min(width - 1, x + 1); nx++) {
        const next = ny * width + nx;
        if (isSeen[next] === 1 || (values[next] ?? 0) <= PIXEL_THRESHOLD) continue;
        isSeen[next] = 1;
        stack.push(next);
      }
    }
  }
  const outline = [...rows].flatMap(([y, [first, last]]): Point[] => [
    [first, y],
    [last, y],
  ]);
  return { outline, sum, count };
}
