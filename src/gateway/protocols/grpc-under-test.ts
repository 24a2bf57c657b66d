import type { TestContext } from 'node:test';
import type { MessageInitShape, MessageShape } from '@bufbuild/protobuf';
import type { GenService, GenServiceMethods } from '@bufbuild/protobuf/codegenv2';
import {
  Client,
  credentials,
  Metadata,
  type CallOptions,
  type ChannelCredentials,
  type ClientDuplexStream,
  type ClientOptions,
  type ServiceError,
} from '@grpc/grpc-js';
import type { Tensor, TensorRequest } from '../../core/inference/index.ts';
import type { ModelFacts, TensorModelConfig } from '../../core/models/index.ts';
import type { FakeScript } from '../fake-worker.ts';
import { GOOD_KEY, openGateway, type GatewayUnderTest, type UnderTestOptions } from '../gateway-under-test.ts';
import { wireMethods } from './grpc/index.ts';
import { GRPCInferenceService, type ModelInferRequestSchema, type ModelStreamInferResponse } from './grpc/generated/index.ts';

type Inputs<T extends GenServiceMethods> = { [K in keyof T]: MessageInitShape<T[K]['input']> };
type Outputs<T extends GenServiceMethods> = { [K in keyof T]: MessageShape<T[K]['output']> };
type Methods<S> = S extends GenService<infer T> ? T : never;
type InferenceMethods = Methods<typeof GRPCInferenceService>;

export type InferRequest = MessageInitShape<typeof ModelInferRequestSchema>;
export type InferMessages = ClientDuplexStream<InferRequest, ModelStreamInferResponse>;

export interface AskOptions extends CallOptions {
  /** Undefined sends none. */
  readonly key?: string | undefined;
  readonly metadata?: Readonly<Record<string, string>>;
}

/** A client made from our own definitions. */
export class RpcClient {
  readonly #client: Client;

  constructor(address: string, trust: ChannelCredentials = credentials.createInsecure(), options: ClientOptions = {}) {
    this.#client = new Client(address, trust, { 'grpc.max_receive_message_length': -1, ...options });
  }

  /** Calls a method of GRPCInferenceService; a failure is thrown as grpc-js has it. */
  ask<K extends keyof InferenceMethods & string>(
    name: K,
    request: Inputs<InferenceMethods>[K],
    options: AskOptions = {},
  ): Promise<Outputs<InferenceMethods>[K]> {
    return this.askOther(GRPCInferenceService, name, request, options) as Promise<Outputs<InferenceMethods>[K]>;
  }

  askOther<T extends GenServiceMethods>(
    definition: GenService<T>,
    ...[name, request, options = {}]: [name: keyof T & string, request: unknown, options?: AskOptions]
  ): Promise<unknown> {
    const method = wireMethods(definition)[name];
    if (method === undefined) throw new Error(`no method ${name}`);
    return new Promise((resolve, reject) => {
      this.#client.makeUnaryRequest(
        method.path,
        method.requestSerialize,
        method.responseDeserialize,
        request,
        metadataOf(options),
        options,
        (error, response: unknown) => (error === null ? resolve(response) : reject(error)),
      );
    });
  }

  stream(options: AskOptions = {}): InferMessages {
    const method = wireMethods(GRPCInferenceService)['modelStreamInfer'];
    if (method === undefined) throw new Error('no stream');
    return this.#client.makeBidiStreamRequest(
      method.path,
      method.requestSerialize,
      method.responseDeserialize,
      metadataOf(options),
      options,
    );
  }

  get raw(): Client {
    return this.#client;
  }

  close(): void {
    this.#client.close();
  }
}

function metadataOf(options: AskOptions): Metadata {
  const metadata = new Metadata();
  const key = 'key' in options ? options.key : GOOD_KEY;
  if (key !== undefined) metadata.set('authorization', `Bearer ${key}`);
  for (const [name, value] of Object.entries(options.metadata ?? {})) metadata.set(name, value);
  return metadata;
}

export interface GrpcUnderTest extends GatewayUnderTest {
  readonly client: RpcClient;
}

/** A gateway with a gRPC port and one model, `pair`, whose only replica is a fake worker. */
export async function openGrpc(
  context: TestContext,
  options: UnderTestOptions & { readonly client?: ClientOptions } = {},
): Promise<GrpcUnderTest> {
  const { config = {}, model = { name: 'pair', facts: tensorFacts() }, script = echoTensors, client: channel, ...rest } = options;
  const under = await openGateway(context, { ...rest, script, model, config: { grpcPort: 0, ...config } });
  const client = new RpcClient(under.gateway.grpcAddress ?? 'localhost:1', credentials.createInsecure(), channel);
  context.after(() => client.close());
  return { ...under, client };
}

/** Two inputs of the same four values and two outputs. */
export function tensorFacts(config: Partial<TensorModelConfig> = {}): ModelFacts {
  const port = (name: string, datatype: Tensor['datatype']) => ({ name, datatype, dims: [4] });
  const tensors = {
    maxBatchSize: 0,
    inputs: [port('A', 'FP32'), port('B', 'INT64')],
    outputs: [port('X', 'FP32'), port('Y', 'INT64')],
    parameters: {},
    warmup: [],
    ...config,
  };
  return {
    ...languageFacts(),
    capabilities: ['tensors'],
    tensors: {
      config: tensors,
      platform: 'onnxruntime_onnx',
      configJson: {
        name: 'pair',
        platform: 'onnxruntime_onnx',
        backend: 'onnxruntime',
        max_batch_size: 0,
        input: [{ name: 'A', data_type: 'TYPE_FP32', dims: [4] }],
        dynamic_batching: { max_queue_delay_microseconds: 100 },
      },
    },
  };
}

export function languageFacts(): ModelFacts {
  return {
    architecture: 'scripted',
    parameterCount: 1,
    quantization: 'F32',
    fileBytes: 1,
    engine: 'scripted 1',
    contextTokens: 2048,
    embeddingDimensions: 4,
    slots: 8,
    capabilities: ['chat', 'completion'],
  };
}

export const TIMINGS = { queueMs: 0, prefillMs: 0, decodeMs: 0 };

/** A goes to X and B to Y, in one response. */
const echoTensors: FakeScript = (stream) => answerTensors(stream, 1);

/** As many responses with what was sent. */
export function answerTensors({ request, send }: Parameters<FakeScript>[0], responses: number): void {
  const { inputs } = request as TensorRequest;
  for (let response = 0; response < responses; response += 1) {
    for (const tensor of inputs) send({ type: 'tensor', response, tensor: { ...tensor, name: tensor.name === 'A' ? 'X' : 'Y' } });
    send({ type: 'response-finished', response });
  }
  send({ type: 'finished', timings: TIMINGS });
}

export const A_BYTES = bytesOf(Float32Array.of(1, 2, 3, 4));
export const B_BYTES = bytesOf(BigInt64Array.of(5n, -6n, 7n, 2n ** 62n));

export function bytesOf({ buffer, byteOffset, byteLength }: NodeJS.TypedArray): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}

/** A request for `pair` with its tensors raw. */
export function pairRequest(fields: InferRequest = {}): InferRequest {
  return {
    modelName: 'pair',
    inputs: [
      { name: 'A', datatype: 'FP32', shape: [4n] },
      { name: 'B', datatype: 'INT64', shape: [4n] },
    ],
    rawInputContents: [A_BYTES, B_BYTES],
    ...fields,
  };
}

/** The code and the words of a failure. */
export async function failure(promise: Promise<unknown>): Promise<{ readonly code: number; readonly details: string }> {
  try {
    await promise;
  } catch (error) {
    const { code, details } = error as ServiceError;
    return { code, details };
  }
  throw new Error('it did not fail');
}
