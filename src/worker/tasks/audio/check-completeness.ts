import type { PlinthError } from '../../../core/errors/index.ts';
import { unreadableAudio } from './sound-block.ts';

const PAGE_HEAD_BYTES = 27;

/** Throws `invalid_request` when an Ogg file stops inside a page or has something else between its pages. */
export function checkOggPages(bytes: Uint8Array): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  while (at < bytes.byteLength) {
    if (at + PAGE_HEAD_BYTES > bytes.byteLength) throw cutOff('Ogg');
    if (view.getUint32(at, false) !== 0x4f67_6753)
      throw unreadableAudio(`the Ogg file has no page at byte ${at}, where one was due`);
    const segments = bytes[at + 26] ?? 0;
    const bodyStart = at + PAGE_HEAD_BYTES + segments;
    let end = bodyStart;
    for (let index = at + PAGE_HEAD_BYTES; index < bodyStart; index++) end += bytes[index] ?? 0;
    if (end > bytes.byteLength) throw cutOff('Ogg');
    at = end;
  }
}

/** Samples that a FLAC file says it has; 0 when it does not say. */
export function flacSampleCount(bytes: Uint8Array): number {
  if (bytes.byteLength < 42) throw cutOff('FLAC');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return ((bytes[21] ?? 0) & 15) * 2 ** 32 + view.getUint32(22, false);
}

/** Kilobits a second of MPEG-1 layers I to III, then of MPEG-2 layer I and layers II and III, by index. */
const BIT_RATES = [
  [0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448],
  [0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384],
  [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320],
  [0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256],
  [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],
] as const;
const SAMPLE_RATES = [44_100, 48_000, 32_000];
const MPEG_1 = 3;

/** Throws `invalid_request` when an MP3 file ends inside a frame. What is no frame, like a tag after the last one, ends the search. */
export function checkMp3Length(bytes: Uint8Array): void {
  let at = afterId3(bytes);
  if (at + 4 > bytes.byteLength) throw cutOff('MP3');
  while (at + 4 <= bytes.byteLength) {
    const length = frameLength(bytes, at);
    if (length === 0) return;
    at += length;
  }
  if (at > bytes.byteLength) throw cutOff('MP3');
}

/** 0 where no frame of known length begins. */
function frameLength(bytes: Uint8Array, at: number): number {
  const [first = 0, second = 0, third = 0] = bytes.subarray(at, at + 3);
  const version = (second >> 3) & 3;
  const layer = 4 - ((second >> 1) & 3);
  if (first !== 0xff || second < 0xe0 || version === 1 || layer === 4) return 0;
  const table = version === MPEG_1 ? layer - 1 : layer === 1 ? 3 : 4;
  const bits = 1000 * (BIT_RATES[table]?.[third >> 4] ?? 0);
  const rate = (SAMPLE_RATES[(third >> 2) & 3] ?? 0) / (version === MPEG_1 ? 1 : version === 2 ? 2 : 4);
  if (bits === 0 || rate === 0) return 0;
  const padding = (third >> 1) & 1;
  if (layer === 1) return 4 * (Math.floor((12 * bits) / rate) + padding);
  return Math.floor(((version !== MPEG_1 && layer === 3 ? 72 : 144) * bits) / rate) + padding;
}

/** An ID3v2 tag holds its length in four bytes of seven bits. */
function afterId3(bytes: Uint8Array): number {
  if (bytes[0] !== 0x49 || bytes[1] !== 0x44 || bytes[2] !== 0x33) return 0;
  const [a = 0, b = 0, c = 0, d = 0] = bytes.subarray(6, 10);
  return 10 + (a & 127) * 2 ** 21 + (b & 127) * 2 ** 14 + (c & 127) * 2 ** 7 + (d & 127);
}

export function cutOff(format: string): PlinthError {
  return unreadableAudio(`the ${format} file is damaged or cut off before its end`);
}
