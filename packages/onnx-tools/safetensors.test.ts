import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { OnnxToolsError, readSafetensors } from './index.ts';

function pack(header: unknown, data = new Uint8Array()): Buffer {
  const text = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  return Buffer.concat([length, text, data]);
}

const entry = (dtype: string, shape: readonly unknown[], offsets: readonly unknown[]) => ({
  dtype,
  shape,
  data_offsets: offsets,
});

describe('reading safetensors', () => {
  it('tensors come as views, in any order of the header, with the metadata', () => {
    const file = pack(
      {
        b: entry('F16', [2], [8, 12]),
        a: entry('I64', [], [0, 8]),
        none: entry('F32', [0, 3], [12, 12]),
        __metadata__: { format: 'pt' },
      },
      Uint8Array.from([1, 0, 0, 0, 0, 0, 0, 0, 0, 0x3c, 0, 0x40]),
    );
    const { tensors, metadata } = readSafetensors(file);
    assert.deepEqual([...tensors.keys()].toSorted(), ['a', 'b', 'none']);
    assert.deepEqual([...(tensors.get('b')?.data ?? [])], [0, 0x3c, 0, 0x40]);
    assert.equal(tensors.get('b')?.datatype, 'FP16');
    assert.equal(tensors.get('b')?.data.buffer, file.buffer);
    assert.deepEqual([tensors.get('none')?.shape, tensors.get('none')?.data.length], [[0, 3], 0]);
    assert.deepEqual(metadata, { format: 'pt' });
  });

  const bad: ReadonlyArray<readonly [what: string, file: Buffer, message: RegExp]> = [
    ['a file without a length', Buffer.from([1, 2]), /has 2 bytes, expected at least 8/],
    ['a header longer than the file', Buffer.from([9, 0, 0, 0, 0, 0, 0, 0, 0x7b]), /its header has 9 bytes, the file has 9/],
    ['a header of more than 100 MB', Buffer.from([0, 0, 0, 0, 0, 0, 0, 0x80]), /at most 100000000/],
    ['a header that is no JSON', pack('{"a":'), /no JSON/],
    ['a header that is a list', pack('[]'), /does not begin with/],
    ['JSON nested without end', pack(`{"a":${'['.repeat(200_000)}`), /no JSON/],
    ['an unknown type', pack({ a: entry('Q4', [1], [0, 1]) }, new Uint8Array(1)), /unknown type "Q4"/],
    ['a negative size', pack({ a: entry('U8', [-1], [0, 1]) }, new Uint8Array(1)), /no list of up to 32 counts/],
    [
      'a product that wraps around',
      pack({ a: entry('U8', [2 ** 33, 2 ** 33], [0, 1]) }, new Uint8Array(1)),
      /elements, more than any/,
    ],
    [
      'bytes that do not fit the shape',
      pack({ a: entry('F32', [2], [0, 4]) }, new Uint8Array(4)),
      /spans 4 bytes, its shape needs 8/,
    ],
    ['offsets past the end', pack({ a: entry('U8', [4], [0, 4]) }, new Uint8Array(3)), /end at byte 4 of the data, which has 3/],
    [
      'data that nothing names',
      pack({ a: entry('U8', [4], [0, 4]) }, new Uint8Array(5)),
      /end at byte 4 of the data, which has 5/,
    ],
    [
      'tensors that overlap',
      pack({ a: entry('U8', [4], [0, 4]), b: entry('U8', [4], [2, 6]) }, new Uint8Array(6)),
      /"b" begins at 2, expected 4/,
    ],
    ['metadata that is no text', pack({ __metadata__: { a: 1 } }), /other than texts/],
  ];
  for (const [what, file, message] of bad) {
    it(`${what} is refused in words`, () => {
      assert.throws(() => readSafetensors(file), { name: 'OnnxToolsError', message });
    });
  }

  it('a tensor named __proto__ is a tensor like others', () => {
    const file = pack('{"__proto__":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}', new Uint8Array(1));
    assert.equal(readSafetensors(file).tensors.get('__proto__')?.data.length, 1);
  });

  it('whatever bytes are changed, the answer is tensors inside the file or a refusal', () => {
    const whole = pack(
      { a: entry('F32', [2, 2], [0, 16]), b: entry('BF16', [3], [16, 22]), __metadata__: { format: 'pt' } },
      new Uint8Array(22),
    );
    const edits = fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(edits, fc.nat(whole.length), (changes, cut) => {
        const file = Buffer.from(whole);
        for (const [at, value] of changes) file[at] = value;
        for (const bytes of [file, file.subarray(0, cut)]) {
          try {
            const end = bytes.byteOffset + bytes.length;
            for (const { data } of readSafetensors(bytes).tensors.values()) assert.ok(data.byteOffset + data.length <= end);
          } catch (error) {
            assert.ok(error instanceof OnnxToolsError, String(error));
          }
        }
      }),
      { numRuns: 2_000 },
    );
  });
});
