import { unreadableAudio } from './sound-block.ts';

export type AudioFormat = 'wav' | 'mp3' | 'flac' | 'ogg-flac' | 'ogg-vorbis' | 'ogg-opus';

const READABLE = 'WAV, MP3, FLAC, Ogg Vorbis and Ogg Opus are read here';

/** Files that people send and that are not read here, by what they begin with. */
const FOREIGN: ReadonlyArray<readonly [name: string, offset: number, magic: string]> = [
  ['an MP4 file (M4A, AAC)', 4, 'ftyp'],
  ['a WebM or Matroska file', 0, '\x1a\x45\xdf\xa3'],
  ['an AIFF file', 0, 'FORM'],
  ['a Core Audio file', 0, 'caff'],
  ['a Windows Media file', 0, '\x30\x26\xb2\x75'],
  ['an AMR file', 0, '#!AMR'],
];

/** Which kind of file this is, by its content. Throws `invalid_request` when it is none that can be read. */
export function recogniseFormat(bytes: Uint8Array): AudioFormat {
  if (bytes.byteLength === 0) throw unreadableAudio('the file is empty');
  if ((hasMagic(bytes, 0, 'RIFF') || hasMagic(bytes, 0, 'RF64')) && hasMagic(bytes, 8, 'WAVE')) return 'wav';
  if (hasMagic(bytes, 0, 'fLaC')) return 'flac';
  if (hasMagic(bytes, 0, 'OggS')) return oggFormat(bytes);
  if (hasMagic(bytes, 0, 'ID3') || isMpegFrame(bytes)) return 'mp3';
  const foreign = FOREIGN.find(([, offset, magic]) => hasMagic(bytes, offset, magic));
  if (foreign !== undefined) throw unreadableAudio(`it is ${foreign[0]}, and only ${READABLE}`);
  if (isAdtsFrame(bytes)) throw unreadableAudio(`it is an AAC file, and only ${READABLE}`);
  throw unreadableAudio(`it is of no known format; ${READABLE}`);
}

/** The codec is named at the beginning of the first page's only packet. */
function oggFormat(bytes: Uint8Array): AudioFormat {
  const start = 27 + (bytes[26] ?? 0);
  if (hasMagic(bytes, start, 'OpusHead')) return 'ogg-opus';
  if (hasMagic(bytes, start, '\x01vorbis')) return 'ogg-vorbis';
  if (hasMagic(bytes, start, '\x7fFLAC')) return 'ogg-flac';
  throw unreadableAudio('it is an Ogg file, but with neither Opus, Vorbis nor FLAC in it');
}

/** Eleven set bits, a layer, a bit rate and a sample rate that exist. */
function isMpegFrame(bytes: Uint8Array): boolean {
  const [first = 0, second = 0, third = 0] = bytes;
  const version = (second >> 3) & 3;
  const layer = (second >> 1) & 3;
  return first === 0xff && second >= 0xe0 && version !== 1 && layer !== 0 && third >> 4 !== 15 && ((third >> 2) & 3) !== 3;
}

function isAdtsFrame(bytes: Uint8Array): boolean {
  return bytes[0] === 0xff && ((bytes[1] ?? 0) & 0xf6) === 0xf0;
}

function hasMagic(bytes: Uint8Array, offset: number, magic: string): boolean {
  for (let index = 0; index < magic.length; index++) {
    if (bytes[offset + index] !== magic.charCodeAt(index)) return false;
  }
  return true;
}
