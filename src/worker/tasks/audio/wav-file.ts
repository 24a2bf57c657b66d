import { checkSoundShape, unreadableAudio, type SoundBlock } from './sound-block.ts';

const PCM = 1;
const FLOAT = 3;
const A_LAW = 6;
const MU_LAW = 7;
const EXTENSIBLE = 0xfffe;

/** Samples of one channel that are read at once. */
const BLOCK_SAMPLES = 65_536;

interface WavFormat {
  readonly encoding: number;
  readonly channelCount: number;
  readonly sampleRate: number;
  readonly blockBytes: number;
  readonly sampleBytes: number;
}

type ReadSample = (view: DataView, offset: number) => number;

/** The samples of a WAV file, piece by piece. Throws `invalid_request`. */
export function* readWav(bytes: Uint8Array): Generator<SoundBlock> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let format: WavFormat | undefined;
  for (const chunk of chunksOf(view)) {
    if (chunk.name === 'fmt ') format = readFormat(view, chunk);
    if (chunk.name !== 'data') continue;
    if (format === undefined) throw unreadableAudio('the WAV file has its samples before its format');
    yield* readSamples(view, chunk, format);
    return;
  }
  throw unreadableAudio('the WAV file has no samples');
}

interface Chunk {
  readonly name: string;
  readonly start: number;
  readonly end: number;
}

const HEAD_BYTES = 12;
/** Writers that cannot go back leave one of these: the samples last until the file ends. */
const OPEN_SIZES = new Set([0, 0x7fff_ffff, 0xffff_ffff, 0x7fff_f000, 0x7fff_ffdb, 0xffff_ffdb]);

function* chunksOf(view: DataView): Generator<Chunk> {
  let at = HEAD_BYTES;
  while (at + 8 <= view.byteLength) {
    const name = String.fromCharCode(view.getUint8(at), view.getUint8(at + 1), view.getUint8(at + 2), view.getUint8(at + 3));
    const size = view.getUint32(at + 4, true);
    const start = at + 8;
    const isOpen = name === 'data' && OPEN_SIZES.has(size);
    const end = isOpen ? view.byteLength : start + size;
    if (end > view.byteLength)
      throw unreadableAudio(`the WAV file ends after ${view.byteLength} bytes, though it says that it has ${end}`);
    yield { name, start, end };
    at = end + (end % 2);
  }
}

function readFormat(view: DataView, { start, end }: Chunk): WavFormat {
  if (end - start < 16) throw unreadableAudio('the format of the WAV file is cut off');
  const named = view.getUint16(start, true);
  const bits = view.getUint16(start + 14, true);
  const encoding = named === EXTENSIBLE && end - start >= 26 ? view.getUint16(start + 24, true) : named;
  const channelCount = view.getUint16(start + 2, true);
  const sampleRate = view.getUint32(start + 4, true);
  checkSoundShape(channelCount, sampleRate);
  const blockBytes = view.getUint16(start + 12, true);
  const sampleBytes = Math.ceil(bits / 8);
  if (blockBytes !== sampleBytes * channelCount)
    throw unreadableAudio(`the WAV file has ${channelCount} channels of ${bits} bits, but ${blockBytes} bytes for them`);
  return { encoding, channelCount, sampleRate, blockBytes, sampleBytes };
}

function* readSamples(view: DataView, { start, end }: Chunk, format: WavFormat): Generator<SoundBlock> {
  const { channelCount, sampleRate, blockBytes, sampleBytes } = format;
  const read = readerOf(format);
  const total = Math.floor((end - start) / blockBytes);
  for (let done = 0; done < total; done += BLOCK_SAMPLES) {
    const count = Math.min(BLOCK_SAMPLES, total - done);
    const channels = Array.from({ length: channelCount }, (_, channel) => {
      const samples = new Float32Array(count);
      let at = start + done * blockBytes + channel * sampleBytes;
      for (let index = 0; index < count; index++, at += blockBytes) samples[index] = read(view, at);
      return samples;
    });
    yield { channels, sampleRate };
  }
}

function readerOf({ encoding, sampleBytes }: WavFormat): ReadSample {
  const reader = READERS[`${encoding}:${sampleBytes}`];
  if (reader === undefined)
    throw unreadableAudio(
      `the samples of the WAV file have ${8 * sampleBytes} bits in encoding ${encoding}; PCM (1) of 8 to 32 bits, float (3), ` +
        `A-law (6) and µ-law (7) are possible`,
    );
  return reader;
}

const READERS: Readonly<Record<string, ReadSample>> = {
  [`${PCM}:1`]: (view, at) => (view.getUint8(at) - 128) / 128,
  [`${PCM}:2`]: (view, at) => view.getInt16(at, true) / 32_768,
  [`${PCM}:3`]: (view, at) => (view.getUint16(at, true) + view.getInt8(at + 2) * 65_536) / 8_388_608,
  [`${PCM}:4`]: (view, at) => view.getInt32(at, true) / 2_147_483_648,
  [`${FLOAT}:4`]: (view, at) => finite(view.getFloat32(at, true)),
  [`${FLOAT}:8`]: (view, at) => finite(view.getFloat64(at, true)),
  [`${A_LAW}:1`]: (view, at) => readALaw(view.getUint8(at)),
  [`${MU_LAW}:1`]: (view, at) => readMuLaw(view.getUint8(at)),
};

const LOUDEST = 64;

function finite(sample: number): number {
  return Number.isNaN(sample) ? 0 : Math.max(-LOUDEST, Math.min(LOUDEST, sample));
}

/** ITU-T G.711. */
function readALaw(code: number): number {
  const value = code ^ 0x55;
  const exponent = (value >> 4) & 7;
  const mantissa = value & 15;
  const magnitude = exponent === 0 ? mantissa * 16 + 8 : (mantissa * 16 + 264) << (exponent - 1);
  return ((value & 0x80) === 0 ? -magnitude : magnitude) / 32_768;
}

function readMuLaw(code: number): number {
  const value = ~code & 0xff;
  const magnitude = ((((value & 15) << 3) + 132) << ((value >> 4) & 7)) - 132;
  return ((value & 0x80) === 0 ? magnitude : -magnitude) / 32_768;
}
