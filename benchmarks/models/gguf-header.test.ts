import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test from 'node:test';
import { ALIGNMENT, encodeHeader, makeEntry, readHeaderEntries, readStrings } from './gguf-header.ts';

function stringArray(key: string, strings: readonly string[]) {
  const head = Buffer.alloc(16);
  head.writeUInt32LE(9, 0);
  head.writeUInt32LE(8, 4);
  head.writeBigUInt64LE(BigInt(strings.length), 8);
  const items = strings.map((text) => makeEntry('', text).raw.subarray(4));
  return { key, raw: Buffer.concat([head, ...items]) };
}

test('entries written to a header are read back as they were', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'gguf-header-'));
  try {
    const file = path.join(folder, 'model.gguf');
    const entries = [
      makeEntry('general.name', 'naïve'),
      makeEntry('llama.block_count', { u32: 22 }),
      makeEntry('llama.rope.freq_base', { f32: 10_000 }),
      stringArray('tokenizer.ggml.tokens', ['a', '', 'Ġb']),
    ];
    const tensor = { name: 'output_norm.weight', shape: [4], typeCode: 0, bytes: 16 };
    const header = encodeHeader(entries, [tensor]);
    assert.equal(header.length % ALIGNMENT, 0);
    writeFileSync(file, header);
    const read = readHeaderEntries(file);
    assert.deepEqual(
      read.map(({ key, raw }) => [key, raw.toString('hex')]),
      entries.map(({ key, raw }) => [key, raw.toString('hex')]),
    );
    assert.deepEqual(readStrings(read[3] ?? makeEntry('', '')), ['a', '', 'Ġb']);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('a file of another kind is refused by name', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'gguf-header-'));
  try {
    const file = path.join(folder, 'other.bin');
    writeFileSync(file, 'PK\u0003\u0004');
    assert.throws(() => readHeaderEntries(file), /other\.bin is not a GGUF file/);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
