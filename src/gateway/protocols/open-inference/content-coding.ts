import { promisify } from 'node:util';
import { deflate, gunzip, gzip, inflate } from 'node:zlib';
import { PlinthError } from '../../../core/errors/index.ts';
import { refuse } from '../open-inference-tensors/index.ts';

type Coding = 'gzip' | 'deflate';

const DECODERS = { gzip: promisify(gunzip), deflate: promisify(inflate) };
const ENCODERS = { gzip: promisify(gzip), deflate: promisify(deflate) };

/** Shorter answers are sent as they are: compressing them costs more than it saves. */
const LEAST_BYTES = 1024;

/** The codings of a body that are understood, for the `accept-encoding` of a refusal. */
export const ACCEPTED_CODINGS = 'gzip, deflate';

/** A body without its content encoding. Throws `invalid_request`, `body_too_large`, or `unsupported_capability` for other codings. */
export async function decodeBody(body: Buffer, encoding: string | undefined, most: number): Promise<Buffer> {
  if (encoding === undefined || encoding === '' || encoding === 'identity') return body;
  if (encoding !== 'gzip' && encoding !== 'deflate')
    throw new PlinthError({ code: 'unsupported_capability', message: 'Unsupported compression type' });
  try {
    return await DECODERS[encoding](body, { maxOutputLength: most });
  } catch (thrown) {
    if (thrown instanceof RangeError)
      throw new PlinthError(
        { code: 'body_too_large', message: 'The body is larger than this server accepts.' },
        { cause: thrown },
      );
    throw refuse(`failed to decompress the request body: it is no ${encoding} data`);
  }
}

/** What the answer is compressed with, by the weights of an `accept-encoding` header. */
export function chooseCoding(header: string | undefined, bytes: number): Coding | undefined {
  if (header === undefined || bytes < LEAST_BYTES) return undefined;
  let best: string | undefined;
  let bestWeight = 0;
  for (const part of header.split(',')) {
    const [name = '', ...options] = part.split(';').map((text) => text.trim().toLowerCase());
    const quality = options.find((option) => option.startsWith('q='));
    const weight = quality === undefined ? 1 : Number(quality.slice(2));
    if ((name === 'gzip' || name === 'deflate' || name === 'identity') && weight > bestWeight) {
      best = name;
      bestWeight = weight;
    }
  }
  return best === 'gzip' || best === 'deflate' ? best : undefined;
}

export function encodeBody(body: string | Buffer, coding: Coding): Promise<Buffer> {
  return ENCODERS[coding](body);
}
