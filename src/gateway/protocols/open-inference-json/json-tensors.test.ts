import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { datatypeBytes, tensorDatatypes, type Tensor, type TensorDatatype } from '../../../core/inference/index.ts';
import { encodeBytesElements } from '../open-inference-tensors/index.ts';
import { formatInferAnswer, writeLongOutputs } from './infer-answer.ts';
import { parseInferBody } from './infer-body.ts';
import { parseExactJson, parseJson } from './json-text.ts';

const numeric = tensorDatatypes.filter((datatype) => datatypeBytes[datatype] > 0);
const jsonTypes = numeric.filter((datatype) => datatype !== 'FP16' && datatype !== 'BF16');

/** Random bytes of a random type and shape, at a random place of their buffer. */
function anyTensor(datatypes: readonly TensorDatatype[]): fc.Arbitrary<Tensor> {
  return fc
    .record({
      datatype: fc.constantFrom(...datatypes),
      shape: fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 3 }),
      pad: fc.integer({ min: 0, max: 7 }),
      seed: fc.uint8Array({ minLength: 1, maxLength: 64 }),
    })
    .map(({ datatype, shape, pad, seed }) => {
      const count = shape.reduce((product, size) => product * size, 1) * datatypeBytes[datatype];
      const buffer = new Uint8Array(count + pad);
      for (let at = 0; at < count; at++) buffer[pad + at] = valueOf(datatype, seed[at % seed.length] ?? 0);
      return { name: 'T', datatype, shape, data: buffer.subarray(pad) };
    });
}

/** A BOOL is 0 or 1, and bytes below 0x7f make no number that is not finite. */
function valueOf(datatype: TensorDatatype, byte: number): number {
  if (datatype === 'BOOL') return byte & 1;
  return datatype.startsWith('FP') ? byte & 0x3f : byte;
}

const head = { modelName: 'm', modelVersion: '1', id: '', parameters: {}, isFinal: true };

test('binary tensors come back byte for byte, whatever their type, shape and place', () => {
  fc.assert(
    fc.property(fc.array(anyTensor(numeric), { minLength: 1, maxLength: 4 }), (tensors) => {
      const outputs = tensors.map((tensor, index) => ({ ...tensor, name: `T${index}` }));
      const answer = formatInferAnswer({ ...head, outputs }, { outputs: [], defaultForm: 'binary' });
      const body = Buffer.isBuffer(answer.body) ? answer.body : Buffer.from(answer.body);
      const split = answer.jsonBytes ?? body.byteLength;
      const json = body.subarray(0, split).toString().replace('"outputs":', '"inputs":');
      const parsed = parseInferBody(Buffer.from(json), body.subarray(split), 'm');
      assert.deepEqual(
        parsed.inputs.map(({ name, datatype, shape, data }) => ({ name, datatype, shape, data: [...data] })),
        outputs.map(({ name, datatype, shape, data }) => ({ name, datatype, shape, data: [...data] })),
      );
    }),
    { numRuns: 200 },
  );
});

test('tensors in JSON come back byte for byte, 64-bit numbers and single precision included', () => {
  fc.assert(
    fc.property(anyTensor(jsonTypes), (tensor) => {
      const answer = formatInferAnswer({ ...head, outputs: [tensor] }, { outputs: [], defaultForm: 'json' });
      const json = String(answer.body).replace('"outputs":', '"inputs":');
      const [parsed] = parseInferBody(Buffer.from(json), new Uint8Array(0), 'm').inputs;
      assert.deepEqual([...(parsed?.data ?? [])], [...tensor.data], json);
    }),
    { numRuns: 300 },
  );
});

test('texts come back, whatever characters they have', () => {
  fc.assert(
    fc.property(fc.array(fc.string({ unit: 'grapheme' }), { maxLength: 5 }), (texts) => {
      const tensor = { name: 'T', datatype: 'BYTES', shape: [texts.length], data: encodeBytesElements(texts) } as const;
      const answer = formatInferAnswer({ ...head, outputs: [tensor] }, { outputs: [], defaultForm: 'json' });
      const json = String(answer.body).replace('"outputs":', '"inputs":');
      const [parsed] = parseInferBody(Buffer.from(json), new Uint8Array(0), 'm').inputs;
      assert.deepEqual([...(parsed?.data ?? [])], [...tensor.data]);
    }),
  );
});

test('what JSON cannot say is refused and not written', () => {
  const tensor = (datatype: TensorDatatype, data: Uint8Array): Tensor => ({ name: 'T', datatype, shape: [1], data });
  const write = (one: Tensor) => formatInferAnswer({ ...head, outputs: [one] }, { outputs: [], defaultForm: 'json' });
  assert.throws(() => write(tensor('FP16', new Uint8Array(2))), /sending FP16 data via JSON is not supported/);
  assert.throws(() => write(tensor('BYTES', Uint8Array.of(1, 0, 0, 0, 255))), /holds bytes that are no text/);
});

test('numbers that are not finite are read and written bare, and stay words inside texts', () => {
  const json = '{"id":"NaN Infinity","inputs":[{"name":"T","datatype":"FP32","shape":[4],"data":[NaN,Infinity,-Infinity,Inf]}]}';
  const body = parseInferBody(Buffer.from(json), new Uint8Array(0), 'm');
  assert.equal(body.id, 'NaN Infinity');
  const [tensor] = body.inputs;
  assert.ok(tensor !== undefined);
  assert.deepEqual([...new Float32Array(tensor.data.slice().buffer)], [Number.NaN, Infinity, -Infinity, Infinity]);
  const answer = formatInferAnswer({ ...head, outputs: [tensor] }, { outputs: [], defaultForm: 'json' });
  assert.match(String(answer.body), /"data":\[NaN,Infinity,-Infinity,Infinity\]/);
  assert.throws(
    () => parseInferBody(Buffer.from('{"inputs":NaNa}'), new Uint8Array(0), 'm'),
    /failed to parse the request JSON buffer/,
  );
});

test('a number that JSON does not have is read as one nowhere but in the place of a number', () => {
  assert.deepEqual(
    parseExactJson(Buffer.from('[-NaN,"NaN","a\\"NaN",-9223372036854775808,1.5,18446744073709551615,{"__proto__":NaN}]')),
    [
      Number.NaN,
      'NaN',
      'a"NaN',
      -(2n ** 63n),
      1.5,
      2n ** 64n - 1n,
      JSON.parse('{"__proto__":null}', (key, value: unknown) => (key === '__proto__' ? Number.NaN : value)),
    ],
  );
  for (const text of ['{NaN:1}', '{"a":1,12345678901234567890:1}', '1NaN', 'NaN1', '01234567890123456789', '["a\\",NaN]', 'Inf1'])
    assert.throws(() => parseExactJson(Buffer.from(text)), { code: 'invalid_request' }, text);
});

test('no body makes the search for such numbers longer than its length explains', () => {
  const count = 300_000;
  for (const hostile of ['\\"', '"\\', '\\', '-1234567890123456', '1', 'NaN ', 'Inf', '"'])
    assert.throws(() => parseJson(Buffer.from(`{"a":NaN,${hostile.repeat(count)}`)), { code: 'invalid_request' });
});

test('hostile bodies are refused without crash', () => {
  fc.assert(
    fc.property(fc.json({ maxDepth: 6 }), fc.uint8Array(), (json, binary) => {
      for (const text of [
        json,
        `{"inputs":${json}}`,
        `{"inputs":[${json}]}`,
        `{"inputs":[{"name":"a","datatype":"FP32","shape":[2],"data":${json}}]}`,
      ])
        try {
          parseInferBody(Buffer.from(text), binary, 'm');
        } catch (error) {
          assert.equal((error as Error).name, 'PlinthError', String(error));
        }
    }),
    { numRuns: 300 },
  );
});

test('long outputs are written like short ones, and others get their turn meanwhile', async () => {
  const count = 600_001;
  for (const [datatype, values] of [
    ['FP32', Float32Array.from({ length: count }, (_, at) => at / 7)],
    ['BOOL', Uint8Array.from({ length: count }, (_, at) => at % 2)],
  ] as const) {
    const data = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    const response = { id: '', modelName: 'm', modelVersion: '1', parameters: {}, isFinal: true };
    const answer = { ...response, outputs: [{ name: 'T', datatype, shape: [count], data }] };
    const forms = { outputs: [], defaultForm: 'json' } as const;
    let turns = 0;
    const counting = setInterval(() => (turns += 1), 0);
    const written = await writeLongOutputs(answer, forms);
    clearInterval(counting);
    assert.ok(written !== undefined && turns > 0);
    assert.equal(formatInferAnswer(answer, { ...forms, written }).body, formatInferAnswer(answer, forms).body);
    assert.equal(writeLongOutputs(answer, { ...forms, defaultForm: 'binary' }), undefined);
  }
});
