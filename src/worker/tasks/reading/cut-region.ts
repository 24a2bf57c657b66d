import type { Picture } from '../vision/index.ts';
import type { Point } from './rectangle.ts';

/** Text that stands upright is this much higher than wide. */
const UPRIGHT_RATIO = 1.5;
const LONGEST_SIDE = 4096;
const TURNED_SCORE = 0.9;

/** The part of a picture between four corners, straightened; upright text is laid on its side. Corners clockwise from the top left. */
export function cutRegion(picture: Picture, corners: readonly [Point, Point, Point, Point]): Picture {
  const [topLeft, topRight, bottomRight, bottomLeft] = corners;
  const { size, isUpright } = measureRegion(corners);
  return sample(picture, isUpright ? [topRight, bottomRight, bottomLeft, topLeft] : corners, size);
}

/** How large the part between four corners is once it is cut out. */
export function sizeOfRegion(corners: readonly [Point, Point, Point, Point]): Size {
  return measureRegion(corners).size;
}

function measureRegion([topLeft, topRight, bottomRight, bottomLeft]: readonly [Point, Point, Point, Point]) {
  const width = sideLength(Math.max(distance(topLeft, topRight), distance(bottomLeft, bottomRight)));
  const height = sideLength(Math.max(distance(topLeft, bottomLeft), distance(topRight, bottomRight)));
  const isUpright = height / width >= UPRIGHT_RATIO;
  return { isUpright, size: isUpright ? { width: height, height: width } : { width, height } };
}

/** Another size, by bilinear sampling: quick enough between two runs of a graph. */
export function scalePicture(picture: Picture, size: { readonly width: number; readonly height: number }): Picture {
  const { width, height } = picture;
  return sample(
    picture,
    [
      [0, 0],
      [width - 1, 0],
      [width - 1, height - 1],
      [0, height - 1],
    ],
    size,
  );
}

/** Whether a classifier is sure that a line stands on its head. Its scores: upright and turned, a pair a line. */
export function isTurned(scores: Float32Array, row: number): boolean {
  return (scores[row * 2 + 1] ?? 0) > TURNED_SCORE;
}

export function turnHalf({ width, height, pixels }: Picture): Picture {
  const turned = new Uint8Array(pixels.length);
  for (let at = 0; at < width * height; at++) {
    const to = (width * height - 1 - at) * 3;
    turned.set(pixels.subarray(at * 3, at * 3 + 3), to);
  }
  return { width, height, pixels: turned };
}

function sideLength(length: number): number {
  return Math.min(LONGEST_SIDE, Math.max(1, Math.round(length)));
}

function distance(a: Point, b: Point): number {
  return Math.hypot(a[0] - b[0], a[1] - b[1]);
}

interface Size {
  readonly width: number;
  readonly height: number;
}

function sample(picture: Picture, corners: readonly [Point, Point, Point, Point], { width, height }: Size): Picture {
  const pixels = new Uint8Array(width * height * 3);
  const [topLeft, topRight, bottomRight, bottomLeft] = corners;
  for (let y = 0; y < height; y++) {
    const v = height === 1 ? 0 : y / (height - 1);
    const left = between(topLeft, bottomLeft, v);
    const right = between(topRight, bottomRight, v);
    for (let x = 0; x < width; x++) {
      const [px, py] = between(left, right, width === 1 ? 0 : x / (width - 1));
      blend(picture, { x: px, y: py }, pixels.subarray((y * width + x) * 3));
    }
  }
  return { width, height, pixels };
}

function between(a: Point, b: Point, share: number): Point {
  return [a[0] + (b[0] - a[0]) * share, a[1] + (b[1] - a[1]) * share];
}

/** Outside the picture its edge goes on. */
function blend({ width, height, pixels }: Picture, at: { readonly x: number; readonly y: number }, target: Uint8Array): void {
  const x = Math.min(width - 1, Math.max(0, at.x));
  const y = Math.min(height - 1, Math.max(0, at.y));
  const [x0, y0] = [Math.floor(x), Math.floor(y)];
  const [dx, dy] = [x - x0, y - y0];
  const right = x0 + 1 < width ? 3 : 0;
  const below = y0 + 1 < height ? width * 3 : 0;
  const corner = (y0 * width + x0) * 3;
  for (let channel = 0; channel < 3; channel++) {
    const from = corner + channel;
    const upper = (pixels[from] ?? 0) * (1 - dx) + (pixels[from + right] ?? 0) * dx;
    const lower = (pixels[from + below] ?? 0) * (1 - dx) + (pixels[from + below + right] ?? 0) * dx;
    target[channel] = upper * (1 - dy) + lower * dy;
  }
}
