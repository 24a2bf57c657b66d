import { PlinthError } from '../../../core/errors/index.ts';
import { resizePicture, type Picture } from './picture.ts';
import { writePlanes, type PixelScaling } from './pixel-planes.ts';

/** How a classifier wants its pictures; the meaning of preprocessor_config.json follows transformers' image processors. */
export interface PicturePreparation {
  readonly width: number;
  readonly height: number;
  /** Resize to this before the middle is cut out; absent: straight to width × height. */
  readonly shortestEdge?: number;
  readonly scaling: PixelScaling;
  readonly kernel: 'cubic' | 'linear';
}

const IMAGENET = { mean: [0.485, 0.456, 0.406], deviation: [0.229, 0.224, 0.225] };
const DEFAULT_EDGE = 224;

/** `fixed`: height and width that the graph insists on. Throws `invalid_model_file`. */
export function readPreparation(
  config: Readonly<Record<string, unknown>> | undefined,
  fixed: readonly [height: number, width: number],
): PicturePreparation {
  const crop = readSize(config?.['crop_size']);
  const resize = readSize(config?.['size']);
  const crops = config?.['do_center_crop'] === true && crop !== undefined;
  const wanted = (crops ? crop : resize) ?? { width: DEFAULT_EDGE, height: DEFAULT_EDGE };
  const [height, width] = [fixed[0] > 0 ? fixed[0] : wanted.height, fixed[1] > 0 ? fixed[1] : wanted.width];
  if (width > 4096 || height > 4096)
    throw new PlinthError({
      code: 'invalid_model_file',
      message: `The model wants pictures of ${width} × ${height}; at most 4096 × 4096 are made.`,
    });
  const shortestEdge =
    crops || readEdge(config?.['size']) !== undefined ? (readEdge(config?.['size']) ?? resize?.height) : undefined;
  return {
    width,
    height,
    ...(shortestEdge === undefined ? {} : { shortestEdge: Math.min(shortestEdge, 8192) }),
    scaling: readScaling(config),
    kernel: config?.['resample'] === 3 ? 'cubic' : 'linear',
  };
}

/** Fills `target` (3 × height × width) with a picture made fit. */
export async function preparePicture(picture: Picture, plan: PicturePreparation): Promise<Float32Array> {
  const { width, height, shortestEdge, kernel, scaling } = plan;
  const factor = shortestEdge === undefined ? 0 : shortestEdge / Math.min(picture.width, picture.height);
  // A strip a thousand times as long as wide would become a picture of gigabytes; its middle is all that is wanted.
  const size =
    shortestEdge === undefined
      ? { width, height }
      : {
          width: Math.min(Math.round(picture.width * factor), 65_536),
          height: Math.min(Math.round(picture.height * factor), 65_536),
        };
  const resized = await resizePicture(picture, { width: Math.max(1, size.width), height: Math.max(1, size.height), kernel });
  const target = new Float32Array(3 * width * height);
  const placed = {
    picture: resized,
    left: Math.floor((width - resized.width) / 2),
    top: Math.floor((height - resized.height) / 2),
  };
  writePlanes(target, placed, { size: { width, height, filler: 0 }, scaling });
  return target;
}

function readScaling(config: Readonly<Record<string, unknown>> | undefined): PixelScaling {
  const factor = config?.['rescale_factor'];
  const normalises = config?.['do_normalize'] !== false;
  return {
    scale: config?.['do_rescale'] === false ? 1 : typeof factor === 'number' ? factor : 1 / 255,
    mean: normalises ? (readNumbers(config?.['image_mean']) ?? IMAGENET.mean) : [0, 0, 0],
    deviation: normalises ? (readNumbers(config?.['image_std']) ?? IMAGENET.deviation) : [1, 1, 1],
    order: 'rgb',
  };
}

function readSize(value: unknown): { readonly width: number; readonly height: number } | undefined {
  if (isEdge(value)) return { width: value, height: value };
  if (typeof value !== 'object' || value === null) return undefined;
  const { width, height, shortest_edge: edge } = value as Readonly<Record<string, unknown>>;
  if (isEdge(width) && isEdge(height)) return { width, height };
  return isEdge(edge) ? { width: edge, height: edge } : undefined;
}

function readEdge(value: unknown): number | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const edge = (value as Readonly<Record<string, unknown>>)['shortest_edge'];
  return isEdge(edge) ? edge : undefined;
}

function isEdge(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value > 0;
}

function readNumbers(value: unknown): readonly number[] | undefined {
  return Array.isArray(value) && value.length === 3 && value.every((one) => typeof one === 'number') ? value : undefined;
}
