import sharp from 'sharp';
import { PlinthError } from '../../../core/errors/index.ts';

/** Pixels of a picture, rows from the top, three bytes (red, green, blue) a pixel. */
export interface Picture {
  readonly width: number;
  readonly height: number;
  readonly pixels: Uint8Array;
}

const MOST_PIXELS = 50_000_000;
/** Pictures of one replica that are decoded at once: as many as the library has threads, and each may take 150 MB. */
export const MOST_DECODING = 4;
const MOST_SECONDS = 60;
const FORMATS = ['jpeg', 'png', 'webp', 'gif', 'tiff', 'heif'] as const;
const LOADERS = [
  'VipsForeignLoadJpeg',
  'VipsForeignLoadPng',
  'VipsForeignLoadWebp',
  'VipsForeignLoadNsgif',
  'VipsForeignLoadTiff',
  'VipsForeignLoadHeif',
];

// Only pictures made of pixels: SVG and PDF can name files and addresses.
sharp.block({ operation: ['VipsForeignLoad'] });
sharp.unblock({ operation: LOADERS });
sharp.concurrency(1);
sharp.cache(false);

/**
 * The pixels of a JPEG, PNG, WebP, GIF, TIFF or AVIF file: turned upright, its first frame, on white where it is see-through. Throws
 * PlinthError `invalid_request`.
 */
export async function readPicture(file: Uint8Array): Promise<Picture> {
  try {
    const image = sharp(file, { limitInputPixels: MOST_PIXELS, failOn: 'error', pages: 1 });
    const { format } = await image.metadata();
    if (!FORMATS.some((known) => known === format)) throw new Error(`the format ${String(format)} is not read`);
    const upright = image.rotate().flatten({ background: '#ffffff' }).toColourspace('srgb').removeAlpha();
    const { data, info } = await upright
      .timeout({ seconds: MOST_SECONDS })
      .raw({ depth: 'uchar' })
      .toBuffer({ resolveWithObject: true });
    return { width: info.width, height: info.height, pixels: info.channels === 3 ? data : spreadGrey(data) };
  } catch (error) {
    throw unreadable(error);
  }
}

/** A picture of another size. */
export async function resizePicture(
  picture: Picture,
  size: { readonly width: number; readonly height: number; readonly kernel?: 'cubic' | 'linear' },
): Promise<Picture> {
  const { width, height, kernel = 'linear' } = size;
  if (picture.width === width && picture.height === height) return picture;
  const { data } = await sharp(picture.pixels, { raw: { width: picture.width, height: picture.height, channels: 3 } })
    .resize({ width, height, fit: 'fill', kernel })
    .raw()
    .toBuffer({ resolveWithObject: true });
  return { width, height, pixels: data };
}

function spreadGrey(grey: Uint8Array): Uint8Array {
  const pixels = new Uint8Array(grey.length * 3);
  for (let i = 0; i < grey.length; i++) pixels.fill(grey[i] ?? 0, i * 3, i * 3 + 3);
  return pixels;
}

function unreadable(error: unknown): PlinthError {
  const [reason = ''] = (error instanceof Error ? error.message : String(error)).split('\n');
  const message = `The picture cannot be read (${reason.slice(0, 200)}). Expected a JPEG, PNG, WebP, GIF, TIFF or AVIF file of at most ${MOST_PIXELS / 1e6} million pixels.`;
  return new PlinthError({ code: 'invalid_request', message, param: 'image' });
}
