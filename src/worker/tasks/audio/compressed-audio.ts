import type { AudioFormat } from './recognise-format.ts';
import { checkMp3Length, checkOggPages, cutOff, flacSampleCount } from './check-completeness.ts';
import { checkSoundShape, unreadableAudio, type SoundBlock } from './sound-block.ts';

type CompressedFormat = Exclude<AudioFormat, 'wav'>;

interface Decoded {
  readonly channelData: readonly Float32Array[];
  readonly samplesDecoded: number;
  readonly sampleRate: number;
  readonly errors: ReadonlyArray<{ readonly message: string }>;
}

/** What the decoders have in common. */
interface Decoder {
  readonly ready: Promise<void>;
  decode(data: Uint8Array): Decoded | Promise<Decoded>;
  flush?(): Promise<Decoded>;
  free(): void;
}

/** Small, because a few bytes of silence can become minutes of samples. */
const PIECE_BYTES = 4096;

const TITLES: Readonly<Record<CompressedFormat, string>> = {
  mp3: 'MP3',
  flac: 'FLAC',
  'ogg-flac': 'Ogg FLAC',
  'ogg-vorbis': 'Ogg Vorbis',
  'ogg-opus': 'Ogg Opus',
};

/** The samples of a compressed file, piece by piece. Throws `invalid_request` for a file that is damaged or cut off. */
export async function* readCompressed(bytes: Uint8Array, format: CompressedFormat): AsyncGenerator<SoundBlock> {
  if (format === 'mp3') checkMp3Length(bytes);
  else if (format !== 'flac') checkOggPages(bytes);
  const expected = format === 'flac' ? flacSampleCount(bytes) : 0;
  const decoder = await openDecoder(format);
  let count = 0;
  try {
    await decoder.ready;
    for await (const decoded of piecesOf(bytes, decoder, format)) {
      if (decoded.samplesDecoded === 0) continue;
      checkSoundShape(decoded.channelData.length, decoded.sampleRate);
      count += decoded.samplesDecoded;
      yield { channels: decoded.channelData, sampleRate: decoded.sampleRate };
    }
  } finally {
    free(decoder);
  }
  if (count === 0) throw unreadableAudio(`there is no sound in the ${TITLES[format]} file`);
  if (count < expected) throw cutOff(TITLES[format]);
}

async function* piecesOf(bytes: Uint8Array, decoder: Decoder, format: CompressedFormat): AsyncGenerator<Decoded> {
  for (let at = 0; at < bytes.byteLength; at += PIECE_BYTES)
    yield await attempt(() => decoder.decode(bytes.subarray(at, at + PIECE_BYTES)), format);
  if (decoder.flush !== undefined) yield await attempt(() => decoder.flush?.(), format);
}

const EMPTY: Decoded = { channelData: [], samplesDecoded: 0, sampleRate: 0, errors: [] };
const LONGEST_REASON = 120;

async function attempt(work: () => Decoded | Promise<Decoded> | undefined, format: CompressedFormat): Promise<Decoded> {
  let decoded: Decoded;
  try {
    decoded = (await work()) ?? EMPTY;
  } catch (thrown) {
    throw damaged(format, thrown instanceof Error ? thrown.message : 'no reason given');
  }
  const [error] = decoded.errors;
  if (error !== undefined) throw damaged(format, error.message);
  return decoded;
}

function damaged(format: CompressedFormat, reason: string): Error {
  const plain = reason
    .replaceAll(/[^\x20-\x7e]+/g, ' ')
    .slice(0, LONGEST_REASON)
    .trim();
  return unreadableAudio(`the ${TITLES[format]} file is damaged (${plain})`);
}

function free(decoder: Decoder): void {
  try {
    decoder.free();
  } catch {
    // A decoder that failed half-way may have nothing to free.
  }
}

async function openDecoder(format: CompressedFormat): Promise<Decoder> {
  switch (format) {
    case 'mp3':
      return new (await import('mpg123-decoder')).MPEGDecoder();
    case 'ogg-vorbis':
      return new (await import('@wasm-audio-decoders/ogg-vorbis')).OggVorbisDecoder();
    case 'ogg-opus':
      return new (await import('ogg-opus-decoder')).OggOpusDecoder();
    default:
      return new (await import('@wasm-audio-decoders/flac')).FLACDecoder();
  }
}
