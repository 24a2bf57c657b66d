import { create, toBinary } from '@bufbuild/protobuf';
import { ModelInferRequestSchema } from '../../src/gateway/protocols/grpc/generated/index.ts';

/** One FP32 tensor for a model whose only input is INPUT0. */
export interface FloatTensor {
  readonly shape: readonly number[];
  readonly values: Float32Array;
}

const NAME = 'INPUT0';
const DATATYPE = 'FP32';

function bytesOf({ buffer, byteOffset, byteLength }: Float32Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}

/** The message of ModelInfer with raw contents, in base64. */
export function formatRpcMessage(model: string, { shape, values }: FloatTensor): string {
  const message = create(ModelInferRequestSchema, {
    modelName: model,
    inputs: [{ name: NAME, datatype: DATATYPE, shape: shape.map(BigInt) }],
    rawInputContents: [Uint8Array.from(bytesOf(values))],
  });
  return Buffer.from(toBinary(ModelInferRequestSchema, message)).toString('base64');
}

export interface RestBody {
  readonly body: string;
  readonly encoding?: 'base64';
  readonly headers: Readonly<Record<string, string>>;
}

/** The body of an infer request with the tensor behind it and the answer's wanted so, too. */
export function formatBinaryBody({ shape, values }: FloatTensor): RestBody {
  const data = bytesOf(values);
  const head = Buffer.from(
    JSON.stringify({
      inputs: [{ name: NAME, datatype: DATATYPE, shape, parameters: { binary_data_size: data.length } }],
      parameters: { binary_data_output: true },
    }),
  );
  return {
    body: Buffer.concat([head, data]).toString('base64'),
    encoding: 'base64',
    headers: { 'content-type': 'application/octet-stream', 'inference-header-content-length': String(head.length) },
  };
}

/** The body of an infer request in JSON. */
export function formatJsonBody({ shape, values }: FloatTensor): RestBody {
  const inputs = [{ name: NAME, datatype: DATATYPE, shape, data: [...values] }];
  return { body: JSON.stringify({ inputs }), headers: {} };
}
