import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  draftTinyModel,
  uint32,
  uint64,
  writeGguf,
  type DraftValue,
  type GgufDraft,
} from '../../../../tests/support/tiny-gguf.ts';
import { screenHeader } from './screen-header.ts';

const F32 = 0;
const Q4_0 = 2;
const HUGE = 2n ** 62n;

const screenBytes = (bytes: Buffer, totalBytes = bytes.length) =>
  screenHeader({ totalBytes, read: (target, position) => bytes.copy(target, 0, position, position + target.length) });

/** A tiny model with some header values replaced; `undefined` removes one. */
function withValues(changes: Record<string, DraftValue | undefined>): GgufDraft {
  const draft = draftTinyModel();
  const values = new Map<string, DraftValue | undefined>(Object.entries({ ...draft.values, ...changes }));
  draft.values = Object.fromEntries([...values].flatMap(([key, value]) => (value === undefined ? [] : [[key, value]])));
  return draft;
}

function withTensor(change: Partial<GgufDraft['tensors'][number]>, index = 1): GgufDraft {
  const draft = draftTinyModel();
  draft.tensors = draft.tensors.map((tensor, at) => (at === index ? { ...tensor, ...change } : tensor));
  return draft;
}

describe('screening a header', () => {
  test('the summary of a sound header says what the file holds', () => {
    assert.deepEqual(screenBytes(writeGguf(draftTinyModel())), {
      ggufVersion: 3,
      architecture: 'llama',
      blockCount: 1,
      embeddingDimensions: 8,
      contextTokens: 64,
      vocabularySize: 4,
      parameterCount: 40,
      quantization: 'F32',
      tensorCount: 2,
      title: 'Tiny',
      chatTemplate: '{{ messages }}',
    });
  });

  test('the quantisation is the one that the file names', () => {
    assert.equal(screenBytes(writeGguf(withValues({ 'general.file_type': { uint32: 15 } }))).quantization, 'Q4_K_M');
  });

  const refusals: ReadonlyArray<readonly [what: string, bytes: Buffer, reason: RegExp]> = [
    ['an empty file', Buffer.alloc(0), /the file mark needs 4 bytes at byte 0, the file ends at 0/],
    ['another kind of file', Buffer.from('PK\x03\x04 and so on, long enough to be read'), /does not begin with "GGUF"/],
    ['version 1', writeGguf({ ...draftTinyModel(), version: 1 }), /GGUF version 1, expected 2 or 3/],
    ['a big-endian file', writeGguf({ ...draftTinyModel(), version: 0x0300_0000 }), /big-endian/],
    [
      'a huge number of tensors',
      writeGguf({ ...draftTinyModel(), announced: { tensors: HUGE } }),
      /number of tensors is 4611686018427387904/,
    ],
    [
      'more tensors than are read',
      writeGguf({ ...draftTinyModel(), announced: { tensors: 1_000_000n } }),
      /1000000 tensors, at most/,
    ],
    [
      'a huge number of values',
      writeGguf({ ...draftTinyModel(), announced: { values: 2n ** 40n } }),
      /announces 1099511627776 values/,
    ],
    ['one value too many', writeGguf({ ...draftTinyModel(), announced: { values: 14n } }), /invalid model file/],
    [
      'an unknown value type',
      writeGguf(withValues({ 'a.b': { code: 13, bytes: Buffer.alloc(0) } })),
      /"a\.b" has the unknown type 13/,
    ],
    ['a bool of 2', writeGguf(withValues({ 'a.b': { bool: 2 } })), /bool of value 2/],
    [
      'an endless string',
      writeGguf(withValues({ 'a.b': { code: 8, bytes: uint64(2n ** 50n) } })),
      /string of "a\.b" has 1125899906842624 bytes/,
    ],
    ['a string past the end', writeGguf(withValues({ 'a.b': { code: 8, bytes: uint64(100_000) } })), /"a\.b" needs 100000 bytes/],
    [
      'an array past the end',
      writeGguf(withValues({ 'a.b': { code: 9, bytes: Buffer.concat([uint32(4), uint64(2n ** 40n)]) } })),
      /"a\.b" announces 1099511627776/,
    ],
    [
      'strings past the end',
      writeGguf(withValues({ 'a.b': { code: 9, bytes: Buffer.concat([uint32(8), uint64(2n ** 40n)]) } })),
      /"a\.b" announces 1099511627776 strings/,
    ],
    [
      'an array of arrays',
      writeGguf(withValues({ 'a.b': { code: 9, bytes: Buffer.concat([uint32(9), uint64(1), uint32(4), uint64(0)]) } })),
      /array of arrays/,
    ],
    [
      'an array of an unknown type',
      writeGguf(withValues({ 'a.b': { code: 9, bytes: Buffer.concat([uint32(77), uint64(1)]) } })),
      /elements of the unknown type 77/,
    ],
    ['a key with a line break', writeGguf(withValues({ 'a\nb': { uint32: 1 } })), /key 13 holds characters/],
    ['an empty key', writeGguf(withValues({ '': { uint32: 1 } })), /key 13 has 0 bytes/],
    ['an alignment of 3', writeGguf(withValues({ 'general.alignment': { uint32: 3 } })), /no power of two/],
    ['an alignment of 0', writeGguf(withValues({ 'general.alignment': { uint32: 0 } })), /no power of two/],
    ['no architecture', writeGguf(withValues({ 'general.architecture': undefined })), /"general\.architecture" is missing/],
    [
      'an architecture that is a number',
      writeGguf(withValues({ 'general.architecture': { uint32: 7 } })),
      /is the uint32 7, expected a string/,
    ],
    ['an adapter', writeGguf(withValues({ 'general.type': { string: 'adapter' } })), /it holds a "adapter"/],
    ['a part of a split model', writeGguf(withValues({ 'split.count': { uint32: 3 } })), /one of 3 parts/],
    ['no block count', writeGguf(withValues({ 'llama.block_count': undefined })), /"llama\.block_count" is missing/],
    [
      'a block count of 0',
      writeGguf(withValues({ 'llama.block_count': { uint32: 0 } })),
      /"llama\.block_count" is 0, expected 1 to 512/,
    ],
    [
      'a block count that is a fraction',
      writeGguf(withValues({ 'llama.block_count': { float32: 1.5 } })),
      /the float32 1\.5, expected a whole/,
    ],
    [
      'a huge width',
      writeGguf(withValues({ 'llama.embedding_length': { uint32: 0xffff_ffff } })),
      /"llama\.embedding_length" is 4294967295/,
    ],
    [
      'heads that do not divide',
      writeGguf(withValues({ 'llama.attention.head_count_kv': { uint32: 3 } })),
      /no multiple of the 3 key heads/,
    ],
    [
      'head counts for other blocks',
      writeGguf(withValues({ 'llama.attention.head_count': { int32s: [1, 2, 3] } })),
      /3 elements for 1 blocks/,
    ],
    [
      'a negative head count',
      writeGguf(withValues({ 'llama.attention.head_count': { int32s: [-1] } })),
      /holds -1, expected 0 to/,
    ],
    [
      'experts without use',
      writeGguf(withValues({ 'llama.expert_count': { uint32: 8 } })),
      /"llama\.expert_used_count" is missing/,
    ],
    ['too many experts', writeGguf(withValues({ 'llama.expert_count': { uint32: 513 } })), /expected 0 to 512/],
    ['no tokens', writeGguf(withValues({ 'tokenizer.ggml.tokens': undefined })), /has no vocabulary/],
    [
      'tokens that are numbers',
      writeGguf(withValues({ 'tokenizer.ggml.tokens': { int32s: [1, 2, 3, 4] } })),
      /expected an array of string/,
    ],
    [
      'too few token types',
      writeGguf(withValues({ 'tokenizer.ggml.token_type': { int32s: [1] } })),
      /1 elements, the vocabulary has 4/,
    ],
    ['too few scores', writeGguf(withValues({ 'tokenizer.ggml.scores': { float32s: [1] } })), /1 elements, the vocabulary has 4/],
    [
      'scores of another type',
      writeGguf(withValues({ 'tokenizer.ggml.scores': { int32s: [1, 2, 3, 4] } })),
      /expected an array of float32/,
    ],
    [
      'an end token outside',
      writeGguf(withValues({ 'tokenizer.ggml.eos_token_id': { uint32: 4 } })),
      /eos_token_id" is 4, the vocabulary has 4/,
    ],
    ['another vocabulary in the tensor', writeGguf(withTensor({ dimensions: [8, 3] }, 0)), /is 8 × 3, expected 8 × 4/],
    ['no token embedding', writeGguf(withTensor({ name: 'other.weight' }, 0)), /"token_embd\.weight" is missing/],
    ['a tensor twice', writeGguf(withTensor({ name: 'token_embd.weight' })), /tensor "token_embd\.weight" stands twice/],
    ['a tensor name too long', writeGguf(withTensor({ name: 'x'.repeat(64) })), /has 64 bytes, expected 1 to 63/],
    ['a tensor of five dimensions', writeGguf(withTensor({ dimensions: [8, 1, 1, 1, 1] })), /5 dimensions, expected 1 to 4/],
    ['a tensor of no dimensions', writeGguf(withTensor({ dimensions: [] })), /0 dimensions, expected 1 to 4/],
    ['a dimension of 0', writeGguf(withTensor({ dimensions: [8, 0] })), /has a dimension of 0/],
    [
      'a product beyond 64 bits',
      writeGguf(withTensor({ dimensions: [2 ** 52, 2 ** 52, 2 ** 52] })),
      /values, more than any file can hold/,
    ],
    ['a tensor larger than the file', writeGguf(withTensor({ dimensions: [8, 10_000] })), /needs 320000 bytes, the file has/],
    ['an unknown tensor type', writeGguf(withTensor({ type: 4 })), /has the unknown type 4/],
    [
      'a row that is no whole block',
      writeGguf(withTensor({ type: Q4_0 })),
      /rows of 8, no multiple of the 32 values of a Q4_0 block/,
    ],
    ['a crooked offset', writeGguf(withTensor({ offset: 130 })), /lies at 130, no multiple of 32/],
    ['an offset past the end', writeGguf(withTensor({ offset: 256 })), /ends 32 bytes after the end of the file/],
    [
      'overlapping tensors',
      writeGguf(withTensor({ offset: 96, type: F32 })),
      /tensors "token_embd\.weight" and "output_norm\.weight" overlap/,
    ],
    ['a file that is cut off', writeGguf(draftTinyModel()).subarray(0, -128), /after the end of the file: is it cut off/],
  ];
  for (const [what, bytes, reason] of refusals) {
    test(`${what} is refused by name`, () => {
      assert.throws(() => screenBytes(bytes), { name: 'PlinthError', code: 'invalid_model_file', message: reason });
    });
  }

  test('every cut through the header is refused', () => {
    const bytes = writeGguf(draftTinyModel(0));
    for (let length = 0; length < bytes.length; length++) {
      assert.throws(() => screenBytes(bytes.subarray(0, length)), { code: 'invalid_model_file' }, `${length} bytes`);
    }
  });

  test('a key that stands twice is refused', () => {
    const bytes = writeGguf(withValues({ 'llama.block_counT': { uint32: 1 } }));
    bytes.write('t', bytes.indexOf('llama.block_counT') + 'llama.block_coun'.length);
    assert.throws(() => screenBytes(bytes), /key "llama\.block_count" stands twice/);
  });

  test('a file that shrinks while it is read is refused', () => {
    const bytes = writeGguf(draftTinyModel());
    assert.throws(() => screenBytes(bytes.subarray(0, 100), bytes.length), /the file is shorter than its size says/);
  });
});
