import { writePlanes, type Picture, type PixelScaling } from '../vision/index.ts';
import { scalePicture } from './cut-region.ts';

const DETECTION: PixelScaling = { scale: 1 / 255, mean: [0.485, 0.456, 0.406], deviation: [0.229, 0.224, 0.225], order: 'bgr' };
const RECOGNITION: PixelScaling = { scale: 1 / 255, mean: [0.5, 0.5, 0.5], deviation: [0.5, 0.5, 0.5], order: 'bgr' };
const LONGEST_SIDE = 960;
const LEAST_LINE_WIDTH = 320;
const LONGEST_LINE_WIDTH = 3200;
/** Lines narrower than their tensor are filled up with what the scaling makes zero, as PaddleOCR does. */
const MIDDLE_GREY = 128;

/** Height of every line that a classifier or recognizer sees. */
export const LINE_HEIGHT = 48;
/** Width of every line that the classifier sees. */
export const TURN_WIDTH = 192;

interface Size {
  readonly width: number;
  readonly height: number;
}

/** The detector wants sides that are multiples of 32 and not too long. */
export function fitForDetection({ width, height }: Size): Size {
  const factor = Math.min(1, LONGEST_SIDE / Math.max(width, height));
  const fit = (side: number): number => Math.max(32, Math.round((side * factor) / 32) * 32);
  return { width: fit(width), height: fit(height) };
}

/** A picture as the detector takes it: 3 × height × width. */
export function detectionPlanes(picture: Picture): Float32Array {
  const { width, height } = picture;
  const planes = new Float32Array(3 * width * height);
  writePlanes(planes, { picture, left: 0, top: 0 }, { size: { width, height, filler: 0 }, scaling: DETECTION });
  return planes;
}

/** How wide a recognizer's batch of lines is: the widest decides. */
export function chooseLineWidth(lines: readonly Size[]): number {
  const widest = Math.max(0, ...lines.map(({ width, height }) => Math.ceil((LINE_HEIGHT * width) / height)));
  return Math.min(LONGEST_LINE_WIDTH, Math.max(LEAST_LINE_WIDTH, widest));
}

/** How much of a tensor `most` wide a line covers, from the left. */
export function coveredWidth({ width, height }: Size, most: number): number {
  return Math.min(most, Math.max(1, Math.ceil((LINE_HEIGHT * width) / height)));
}

/** Lines one after the other, each 3 × {@link LINE_HEIGHT} × width. */
export function linePlanes(lines: readonly Picture[], width: number): Float32Array {
  const size = 3 * LINE_HEIGHT * width;
  const planes = new Float32Array(lines.length * size);
  lines.forEach((line, row) => {
    const picture = scalePicture(line, { width: coveredWidth(line, width), height: LINE_HEIGHT });
    writePlanes(
      planes.subarray(row * size, (row + 1) * size),
      { picture, left: 0, top: 0 },
      { size: { width, height: LINE_HEIGHT, filler: MIDDLE_GREY }, scaling: RECOGNITION },
    );
  });
  return planes;
}
