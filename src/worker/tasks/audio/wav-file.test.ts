import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { PlinthError } from '../../../core/errors/index.ts';
import { readWav } from './wav-file.ts';

interface WavParts {
  readonly encoding?: number;
  readonly channels?: number;
  readonly rate?: number;
  readonly bits?: number;
  readonly data: Uint8Array;
  /** What the file says instead of the truth. */
  readonly dataSize?: number;
  readonly before?: Buffer;
}

function makeWav({
  encoding = 1,
  channels = 1,
  rate = 8000,
  bits = 16,
  data,
  dataSize,
  before = Buffer.alloc(0),
}: WavParts): Buffer {
  const head = Buffer.alloc(36);
  head.write('RIFF', 0, 'latin1');
  head.write('WAVEfmt ', 8, 'latin1');
  head.writeUInt32LE(16, 16);
  head.writeUInt16LE(encoding, 20);
  head.writeUInt16LE(channels, 22);
  head.writeUInt32LE(rate, 24);
  head.writeUInt16LE((channels * bits) / 8, 32);
  head.writeUInt16LE(bits, 34);
  const dataHead = Buffer.alloc(8);
  dataHead.write('data', 0, 'latin1');
  dataHead.writeUInt32LE(dataSize ?? data.byteLength, 4);
  return Buffer.concat([head, before, dataHead, data]);
}

function channelsOf(file: Uint8Array): number[][] {
  const blocks = [...readWav(file)];
  return (blocks[0]?.channels ?? []).map((_, channel) => blocks.flatMap((block) => [...(block.channels[channel] ?? [])]));
}

function refusal(file: Uint8Array): string {
  try {
    channelsOf(file);
  } catch (thrown) {
    assert.ok(thrown instanceof PlinthError);
    assert.deepEqual([thrown.code, thrown.facts.param], ['invalid_request', 'file']);
    return thrown.message;
  }
  return 'none';
}

const floats = (...values: number[]): Buffer => Buffer.from(Float32Array.from(values).buffer);
const encodings: ReadonlyArray<readonly [title: string, parts: WavParts, expected: readonly number[]]> = [
  ['8 bits', { bits: 8, data: Uint8Array.of(0, 128, 192) }, [-1, 0, 0.5]],
  ['16 bits', { bits: 16, data: Uint8Array.of(0, 128, 0, 0, 0, 64) }, [-1, 0, 0.5]],
  ['24 bits', { bits: 24, data: Uint8Array.of(0, 0, 128, 0, 0, 0, 0, 0, 64) }, [-1, 0, 0.5]],
  ['32 bits', { bits: 32, data: Uint8Array.of(0, 0, 0, 128, 0, 0, 0, 0, 0, 0, 0, 64) }, [-1, 0, 0.5]],
  ['floats', { encoding: 3, bits: 32, data: floats(-1, Number.NaN, 0.5) }, [-1, 0, 0.5]],
  ['A-law', { encoding: 6, bits: 8, data: Uint8Array.of(0xd5, 0x55, 0xaa) }, [8 / 32_768, -8 / 32_768, 32_256 / 32_768]],
  ['µ-law', { encoding: 7, bits: 8, data: Uint8Array.of(0xff, 0x80, 0x00) }, [0, 32_124 / 32_768, -32_124 / 32_768]],
];

for (const [title, parts, expected] of encodings) {
  test(`samples of ${title} are read`, () => {
    assert.deepEqual(channelsOf(makeWav(parts)), [expected]);
  });
}

test('channels come apart, chunks of other kinds are stepped over', () => {
  const before = Buffer.from('LIST\x03\x00\x00\x00abc\x00', 'latin1');
  const data = Uint8Array.of(0, 64, 0, 192, 0, 32, 0, 224);
  assert.deepEqual(channelsOf(makeWav({ channels: 2, data, before })), [
    [0.5, 0.25],
    [-0.5, -0.25],
  ]);
});

test('samples of a writer that could not go back last until the file ends', () => {
  for (const dataSize of [0, 0xffff_ffff])
    assert.deepEqual(channelsOf(makeWav({ data: Uint8Array.of(0, 64, 0, 32), dataSize })), [[0.5, 0.25]]);
});

const data = new Uint8Array(8);
const broken: ReadonlyArray<readonly [title: string, file: Uint8Array, words: RegExp]> = [
  ['is cut off', makeWav({ data, dataSize: 9 }), /ends after 52 bytes, though it says that it has 53/],
  ['has no channels', makeWav({ data, channels: 0 }), /0 channels/],
  ['has too many channels', makeWav({ data, channels: 17 }), /17 channels/],
  ['has a rate of nothing', makeWav({ data, rate: 1 }), /1 samples a second/],
  ['has an unknown encoding', makeWav({ data, encoding: 85 }), /encoding 85/],
  ['has no samples', makeWav({ data }).subarray(0, 36), /has no samples/],
  ['has samples of 12 bits in 3 bytes', makeWav({ data, bits: 12, channels: 2 }), /2 channels of 12 bits, but 3 bytes/],
];

for (const [title, file, words] of broken) {
  test(`a WAV file that ${title} is refused with what is wrong`, () => {
    assert.match(refusal(file), words);
  });
}

test('whatever follows the head of a WAV file is read or refused', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 120 }), fc.nat(60), (noise, at) => {
      const file = makeWav({ data: new Uint8Array(40) });
      file.set(noise.subarray(0, Math.max(0, file.byteLength - at - 12)), 12 + Math.min(at, file.byteLength - 12));
      refusal(file);
    }),
  );
});
