import type { Picture } from './picture.ts';

/** What happens to a byte on its way into a tensor: `(byte × scale − mean) / deviation`, per channel in the order of the planes. */
export interface PixelScaling {
  readonly scale: number;
  readonly mean: readonly number[];
  readonly deviation: readonly number[];
  /** In which order the planes lie. */
  readonly order: 'rgb' | 'bgr';
}

/** Where a picture goes in a larger plane, and what lies around it. */
export interface PlacedPicture {
  readonly picture: Picture;
  readonly left: number;
  readonly top: number;
}

/** Three planes of `height` × `width` floats. What the picture does not cover is `filler`, as a byte. */
export interface PlaneSize {
  readonly width: number;
  readonly height: number;
  readonly filler: number;
}

/** Writes a picture into `target` (3 × height × width floats) as planes. */
export function writePlanes(
  target: Float32Array,
  placed: PlacedPicture,
  plan: { readonly size: PlaneSize; readonly scaling: PixelScaling },
): void {
  const { size, scaling } = plan;
  const area = size.width * size.height;
  for (let plane = 0; plane < 3; plane++) {
    const channel = scaling.order === 'rgb' ? plane : 2 - plane;
    const table = scaleTable(scaling, plane);
    const part = target.subarray(plane * area, (plane + 1) * area);
    part.fill(table[size.filler] ?? 0);
    copyChannel(part, placed, { channel, table, width: size.width, height: size.height });
  }
}

interface ChannelCopy {
  readonly channel: number;
  readonly table: Float32Array;
  readonly width: number;
  readonly height: number;
}

/** Parts of the picture that lie outside the plane are left out. */
function copyChannel(part: Float32Array, { picture, left, top }: PlacedPicture, copy: ChannelCopy): void {
  const { channel, table, width, height } = copy;
  const firstX = Math.max(0, -left);
  const endX = Math.min(picture.width, width - left);
  for (let y = Math.max(0, -top); y < Math.min(picture.height, height - top); y++) {
    let from = (y * picture.width + firstX) * 3 + channel;
    let to = (y + top) * width + left + firstX;
    for (let x = firstX; x < endX; x++) {
      part[to++] = table[picture.pixels[from] ?? 0] ?? 0;
      from += 3;
    }
  }
}

function scaleTable({ scale, mean, deviation }: PixelScaling, plane: number): Float32Array {
  const own = { mean: mean[plane] ?? 0, deviation: deviation[plane] ?? 1 };
  return Float32Array.from({ length: 256 }, (_, byte) => (byte * scale - own.mean) / own.deviation);
}
