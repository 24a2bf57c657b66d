import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fromBinary } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { tensorDatatypes } from '../../../core/inference/index.ts';
import { ModelInferResponseSchema, ModelStreamInferResponseSchema } from '../grpc/generated/index.ts';
import { encodeInferResponse, encodeStreamedAnswer, type OutgoingResponse } from './encode-infer-response.ts';

const text = fc.string({ unit: 'binary' }).map((value) => value.toWellFormed());
const tensor = fc.record({
  name: text,
  datatype: fc.constantFrom(...tensorDatatypes),
  shape: fc.array(fc.oneof(fc.nat(300), fc.maxSafeNat()), { maxLength: 5 }),
  data: fc.uint8Array({ maxLength: 400 }),
});
const value = fc.oneof(text, fc.boolean(), fc.maxSafeInteger(), fc.double({ noNaN: true }));
const response: fc.Arbitrary<OutgoingResponse> = fc
  .record({
    modelName: text,
    modelVersion: text,
    id: text,
    parameters: fc.dictionary(text, value),
    outputs: fc.array(tensor, { maxLength: 4 }),
    isFinal: fc.boolean(),
    isLast: fc.option(fc.boolean(), { nil: undefined }),
  })
  .map(({ isLast, ...rest }) => (isLast === undefined ? rest : { ...rest, isLast }));

function plain(sent: OutgoingResponse) {
  const parameters = Object.entries(sent.parameters).map(([name, given]) => [name, given] as const);
  const last = sent.isLast === undefined ? [] : [['triton_final_response', sent.isLast] as const];
  return {
    texts: [sent.modelName, sent.modelVersion, sent.id],
    parameters: new Map<string, unknown>([...parameters, ...last]),
    outputs: sent.outputs.map(({ name, datatype, shape, data }) => [name, datatype, shape.map(BigInt), [...data]]),
  };
}

function read(message: ReturnType<typeof decode>) {
  const parameters = Object.entries(message.parameters).map(([name, { parameterChoice }]) => {
    const given = parameterChoice.value;
    return [name, typeof given === 'bigint' ? Number(given) : given] as const;
  });
  return {
    texts: [message.modelName, message.modelVersion, message.id],
    parameters: new Map<string, unknown>(parameters),
    outputs: message.outputs.map(({ name, datatype, shape }, at) => [
      name,
      datatype,
      shape,
      [...(message.rawOutputContents[at] ?? [])],
    ]),
  };
}

function decode(bytes: Buffer) {
  return fromBinary(ModelInferResponseSchema, bytes);
}

test('whatever a response holds, a client reads it back', () => {
  fc.assert(
    fc.property(response, (sent) => {
      assert.deepEqual(read(decode(encodeInferResponse(sent))), plain(sent));
    }),
  );
});

test('a streamed response is the same inside another message', () => {
  fc.assert(
    fc.property(response, (sent) => {
      const { inferResponse, errorMessage } = fromBinary(ModelStreamInferResponseSchema, encodeStreamedAnswer(sent));
      assert.equal(errorMessage, '');
      assert.ok(inferResponse);
      assert.deepEqual(read(inferResponse), plain(sent));
    }),
  );
});

test('a streamed error carries its words and the id', () => {
  fc.assert(
    fc.property(text, text, (id, error) => {
      const answer = fromBinary(ModelStreamInferResponseSchema, encodeStreamedAnswer({ id, error }));
      assert.equal(answer.errorMessage, error);
      assert.equal(answer.inferResponse?.id, id);
      assert.deepEqual(answer.inferResponse?.parameters['triton_final_response']?.parameterChoice, {
        case: 'boolParam',
        value: true,
      });
    }),
  );
});
