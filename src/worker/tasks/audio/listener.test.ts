import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { after, test } from 'node:test';
import { Listener } from './listener.ts';
import type { Sound } from './measure-sound.ts';

const SOUNDS = resolve(import.meta.dirname, '../../../../tests/support/sounds');
const listener = new Listener(20_000);
after(() => listener.close());

const listen = (audio: Uint8Array, mostSeconds = 60): Promise<Sound> => listener.listen({ audio, bands: 80, mostSeconds });

/** Half a second of 1 kHz at 24,000 samples a second, from the encoders of LAME, FLAC, Vorbis and Opus. */
const tones: ReadonlyArray<readonly [file: string, title: string]> = [
  ['tone.mp3', 'MP3'],
  ['tone.flac', 'FLAC'],
  ['tone.ogg', 'Ogg'],
  ['tone.opus', 'Ogg'],
];

/** Band of 1 kHz among 80. */
const TONE_BAND = 27;

for (const [file, title] of tones) {
  test(`${file} is heard as its tone`, async () => {
    const sound = await listen(await readFile(join(SOUNDS, file)));
    assert.ok(Math.abs(sound.seconds - 0.5) < 0.12, `${sound.seconds} s`);
    const frame = sound.values.subarray(25 * 80, 26 * 80);
    const loudest = frame.indexOf(Math.max(...frame));
    assert.ok(Math.abs(loudest - TONE_BAND) <= 1, `band ${loudest}`);
  });

  test(`${file} without its end is refused with what is wrong`, async () => {
    const bytes = await readFile(join(SOUNDS, file));
    const expected = { code: 'invalid_request', message: new RegExp(`the ${title} file is .*cut off`) };
    await assert.rejects(listen(bytes.subarray(0, Math.floor(bytes.byteLength * 0.8))), expected);
  });
}

test('a sound longer than allowed is refused with the limit', async () => {
  const bytes = await readFile(join(SOUNDS, 'tone.opus'));
  await assert.rejects(listen(bytes, 0.25), { code: 'invalid_request', message: /longer than 0\.25 seconds/ });
});

const foreign: ReadonlyArray<readonly [what: string, start: string, words: RegExp]> = [
  ['an MP4 file', '\0\0\0\x20ftypM4A ', /MP4 file.*WAV, MP3, FLAC/],
  ['a WebM file', '\x1a\x45\xdf\xa3', /WebM/],
  ['an AAC file', '\xff\xf1\x50\x80', /AAC/],
  ['a text', 'hello, is anybody there?', /no known format/],
  ['an Ogg file of pictures', `OggS${'\0'.repeat(22)}\x01\x08\x80theora `, /neither Opus, Vorbis nor FLAC/],
];

for (const [what, start, words] of foreign) {
  test(`${what} is refused by name`, async () => {
    await assert.rejects(listen(Buffer.from(start, 'latin1')), { code: 'invalid_request', message: words });
  });
}

test('a damaged file is refused or read, and the next one is heard', async () => {
  const good = await readFile(join(SOUNDS, 'tone.ogg'));
  for (let at = 40; at < good.byteLength; at += 400) {
    const bad = Uint8Array.from(good);
    bad.fill(0xa5, at, at + 3);
    await listen(bad).catch((thrown: unknown) => assert.equal((thrown as { code: unknown }).code, 'invalid_request'));
  }
  assert.ok((await listen(good)).frameCount > 40);
});

test('a file whose decoder does not come back in time is given up', async () => {
  const hasty = new Listener(1);
  await assert.rejects(
    hasty.listen({ audio: await readFile(join(SOUNDS, 'tone.opus')), bands: 80, mostSeconds: 60 }),
    /takes too long/,
  );
  hasty.close();
});
