import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { Client, credentials, Metadata } from '@grpc/grpc-js';
import { z } from 'zod';
import { tensorDatatypes, type Tensor } from '../../../src/core/inference/index.ts';
import { ModelInferRequestSchema, ModelInferResponseSchema } from '../../../src/gateway/protocols/grpc/generated/index.ts';

/** A way to ask a served model, with whole tensors in and out. An answer that is an error is thrown with its text. */
export interface InferenceDoor {
  infer(model: string, inputs: readonly Tensor[]): Promise<readonly Tensor[]>;
  close(): void;
}

const answerHead = z.object({
  outputs: z.array(
    z.object({
      name: z.string(),
      datatype: z.enum(tensorDatatypes),
      shape: z.array(z.number()),
      parameters: z.object({ binary_data_size: z.number() }),
    }),
  ),
});

/** No case takes longer, whatever else the machine does. */
const LONGEST_CALL_MS = 60_000;
const LENGTH_HEADER = 'inference-header-content-length';

/** Open Inference over REST, tensors as binary data in both directions. */
export function openRestDoor(url: string, key: string): InferenceDoor {
  return {
    infer: async (model, inputs) => {
      const head = Buffer.from(
        JSON.stringify({
          inputs: inputs.map(({ name, datatype, shape, data }) => ({
            ...{ name, datatype, shape },
            parameters: { binary_data_size: data.length },
          })),
          parameters: { binary_data_output: true },
        }),
      );
      const response = await fetch(`${url}/v2/models/${model}/infer`, {
        method: 'POST',
        headers: {
          authorization: `Bearer ${key}`,
          'content-type': 'application/octet-stream',
          [LENGTH_HEADER]: String(head.length),
        },
        body: Buffer.concat([head, ...inputs.map(({ data }) => data)]),
        signal: AbortSignal.timeout(LONGEST_CALL_MS),
      });
      const body = Buffer.from(await response.arrayBuffer());
      if (response.status !== 200) throw new Error(`${response.status} ${body.toString()}`);
      // An answer without a byte of binary data is JSON and nothing else.
      return readRestAnswer(body, Number(response.headers.get(LENGTH_HEADER) ?? body.length));
    },
    close: () => undefined,
  };
}

function readRestAnswer(body: Buffer, headLength: number): Tensor[] {
  const { outputs } = answerHead.parse(JSON.parse(body.toString('utf8', 0, headLength)));
  let at = headLength;
  const tensors = outputs.map(({ name, datatype, shape, parameters }) => {
    const data = body.subarray(at, (at += parameters.binary_data_size));
    return { name, datatype, shape, data };
  });
  if (at !== body.length) throw new Error(`${body.length - at} bytes are left over behind the outputs`);
  return tensors;
}

/** Open Inference over gRPC, tensors as raw contents in both directions. */
export function openGrpcDoor(address: string, key: string): InferenceDoor {
  const client = new Client(address, credentials.createInsecure(), {
    'grpc.max_receive_message_length': -1,
    'grpc.max_send_message_length': -1,
  });
  const metadata = new Metadata();
  metadata.set('authorization', `Bearer ${key}`);
  return {
    infer: async (model, inputs) => {
      const message = create(ModelInferRequestSchema, {
        modelName: model,
        inputs: inputs.map(({ name, datatype, shape }) => ({ name, datatype, shape: shape.map(BigInt) })),
        rawInputContents: inputs.map(({ data }) => Uint8Array.from(data)),
      });
      const answer = await new Promise<Buffer>((resolve, reject) => {
        client.makeUnaryRequest(
          '/inference.GRPCInferenceService/ModelInfer',
          (request: Buffer) => request,
          (response: Buffer) => response,
          Buffer.from(toBinary(ModelInferRequestSchema, message)),
          metadata,
          { deadline: Date.now() + LONGEST_CALL_MS },
          (error, response) => (response === undefined ? reject(error ?? new Error('no response')) : resolve(response)),
        );
      });
      return readGrpcAnswer(answer);
    },
    close: () => client.close(),
  };
}

function readGrpcAnswer(bytes: Buffer): Tensor[] {
  const { outputs, rawOutputContents } = fromBinary(ModelInferResponseSchema, bytes);
  return outputs.map(({ name, datatype, shape }, index) => {
    const data = rawOutputContents[index];
    if (data === undefined) throw new Error(`output '${name}' has no raw contents`);
    return { name, datatype: z.enum(tensorDatatypes).parse(datatype), shape: shape.map(Number), data };
  });
}
