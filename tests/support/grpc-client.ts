import { BinaryReader, BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { Client, credentials, Metadata, type ClientDuplexStream } from '@grpc/grpc-js';
import { API_KEY } from './serve.ts';

const SERVICE = '/inference.GRPCInferenceService';

/** A request for tensors in their raw form. */
export interface RawRequest {
  readonly model: string;
  readonly inputs: ReadonlyArray<{
    readonly name: string;
    readonly datatype: string;
    readonly shape: readonly number[];
    readonly data: Uint8Array;
  }>;
}

/** The open inference protocol over gRPC, written by hand: no generated code stands between a test and the wire. */
export class GrpcClient {
  readonly #client: Client;

  constructor(address: string) {
    this.#client = new Client(address, credentials.createInsecure());
  }

  /** The raw outputs. */
  infer(request: RawRequest): Promise<readonly Uint8Array[]> {
    return new Promise((resolve, reject) => {
      this.#client.makeUnaryRequest(
        `${SERVICE}/ModelInfer`,
        writeRequest,
        (bytes: Buffer) => fieldsOf(bytes, RAW_OUTPUTS),
        request,
        withKey(),
        (error, outputs) => (error === null ? resolve(outputs ?? []) : reject(error)),
      );
    });
  }

  /** What comes back is the error message of each answer, empty when it is none. */
  stream(): ClientDuplexStream<RawRequest, string> {
    const readMessage = (bytes: Buffer): string => Buffer.concat(fieldsOf(bytes, ERROR_MESSAGE)).toString();
    return this.#client.makeBidiStreamRequest(`${SERVICE}/ModelStreamInfer`, writeRequest, readMessage, withKey());
  }

  close(): void {
    this.#client.close();
  }
}

function withKey(): Metadata {
  const metadata = new Metadata();
  metadata.set('authorization', `Bearer ${API_KEY}`);
  return metadata;
}

// Numbers of fields in proto/inference.proto.
const MODEL_NAME = 1;
const INPUTS = 5;
const RAW_INPUTS = 7;
const RAW_OUTPUTS = 6;
const ERROR_MESSAGE = 1;

function writeRequest({ model, inputs }: RawRequest): Buffer {
  const writer = new BinaryWriter();
  writer.tag(MODEL_NAME, WireType.LengthDelimited).string(model);
  for (const { name, datatype, shape } of inputs) {
    writer.tag(INPUTS, WireType.LengthDelimited).fork();
    writer.tag(1, WireType.LengthDelimited).string(name);
    writer.tag(2, WireType.LengthDelimited).string(datatype);
    for (const size of shape) writer.tag(3, WireType.Varint).int64(size);
    writer.join();
  }
  for (const { data } of inputs) writer.tag(RAW_INPUTS, WireType.LengthDelimited).bytes(data);
  return Buffer.from(writer.finish());
}

/** The contents of a field of bytes, as often as it comes. */
function fieldsOf(message: Uint8Array, wanted: number): Uint8Array[] {
  const reader = new BinaryReader(message);
  const found: Uint8Array[] = [];
  while (reader.pos < reader.len) {
    const [field, type] = reader.tag();
    if (field === wanted) found.push(reader.bytes());
    else reader.skip(type, field);
  }
  return found;
}
