import type { Tensor } from '../../../core/inference/index.ts';
import type { InferenceResponse } from '../open-inference-tensors/index.ts';
import { fieldLength, MessageWriter, varintLength } from '../grpc/index.ts';

/** A response as it goes out. `isLast` becomes the parameter `triton_final_response` of a streamed one. */
export interface OutgoingResponse extends InferenceResponse {
  readonly isLast?: boolean;
}

/** An answer on a stream: a response, or why the request with that id failed. */
export type StreamedAnswer = OutgoingResponse | { readonly id: string; readonly error: string };

/**
 * `ModelInferResponse` in bytes. Written by hand because this is where a small tensor's time goes: the length is known before the first
 * byte, so that tensors are copied once. Outputs always go raw.
 */
export function encodeInferResponse(response: OutgoingResponse): Buffer {
  const plan = new MessagePlan(response);
  const writer = new MessageWriter(plan.length);
  plan.write(writer);
  return writer.bytes;
}

/** `ModelStreamInferResponse` in bytes. */
export function encodeStreamedAnswer(answer: StreamedAnswer): Buffer {
  if ('error' in answer) return encodeStreamedError(answer.id, answer.error);
  const plan = new MessagePlan(answer);
  const writer = new MessageWriter(1 + varintLength(plan.length) + plan.length);
  writer.head(2, plan.length);
  plan.write(writer);
  return writer.bytes;
}

function encodeStreamedError(id: string, error: string): Buffer {
  const idLength = Buffer.byteLength(id);
  const inner = fieldLength(idLength) + FINAL_PARAMETER_TRUE.length;
  const errorLength = Buffer.byteLength(error);
  const writer = new MessageWriter(fieldLength(errorLength) + 1 + varintLength(inner) + inner);
  writer.optionalText(1, error, errorLength);
  writer.head(2, inner);
  writer.optionalText(3, id, idLength);
  writer.raw(FINAL_PARAMETER_TRUE);
  return writer.bytes;
}

/** One entry of a `map<string, InferParameter>` at field 4. */
function encodeParameter(name: string, value: string | number | boolean): Buffer {
  const choice = encodeChoice(value);
  const nameLength = Buffer.byteLength(name);
  const entry = 1 + varintLength(nameLength) + nameLength + 1 + varintLength(choice.length) + choice.length;
  const writer = new MessageWriter(1 + varintLength(entry) + entry);
  writer.head(4, entry);
  writer.text(1, name, nameLength);
  writer.head(2, choice.length);
  writer.raw(choice);
  return writer.bytes;
}

function encodeChoice(value: string | number | boolean): Buffer {
  if (typeof value === 'boolean') return Buffer.from([0x08, value ? 1 : 0]);
  if (typeof value === 'string') {
    const length = Buffer.byteLength(value);
    const writer = new MessageWriter(1 + varintLength(length) + length);
    writer.text(3, value, length);
    return writer.bytes;
  }
  const isWhole = Number.isSafeInteger(value) && !Object.is(value, -0);
  const bytes = Buffer.alloc(isWhole ? 11 : 9);
  if (!isWhole) {
    bytes[0] = 0x21;
    bytes.writeDoubleLE(value, 1);
    return bytes;
  }
  bytes[0] = 0x10;
  let at = 1;
  let left = BigInt.asUintN(64, BigInt(value));
  for (; left > 127n; left >>= 7n) bytes[at++] = Number(left & 127n) | 128;
  bytes[at++] = Number(left);
  return bytes.subarray(0, at);
}

const FINAL_PARAMETER_TRUE = encodeParameter('triton_final_response', true);
const FINAL_PARAMETER_FALSE = encodeParameter('triton_final_response', false);

interface OutputPlan {
  readonly tensor: Tensor;
  readonly nameLength: number;
  readonly shapeLength: number;
  readonly length: number;
}

/** A response whose lengths are known. */
class MessagePlan {
  readonly length: number;
  readonly #response: OutgoingResponse;
  readonly #texts: readonly [number, number, number];
  readonly #parameters: readonly Buffer[];
  readonly #outputs: readonly OutputPlan[];

  constructor(response: OutgoingResponse) {
    this.#response = response;
    const { modelName, modelVersion, id } = response;
    this.#texts = [Buffer.byteLength(modelName), Buffer.byteLength(modelVersion), Buffer.byteLength(id)];
    this.#parameters = encodeParameters(response);
    this.#outputs = response.outputs.map(planOutput);
    let length = 0;
    for (const text of this.#texts) length += fieldLength(text);
    for (const parameter of this.#parameters) length += parameter.length;
    for (const output of this.#outputs) {
      const size = output.tensor.data.byteLength;
      length += 1 + varintLength(output.length) + output.length + 1 + varintLength(size) + size;
    }
    this.length = length;
  }

  write(writer: MessageWriter): void {
    const { modelName, modelVersion, id } = this.#response;
    writer.optionalText(1, modelName, this.#texts[0]);
    writer.optionalText(2, modelVersion, this.#texts[1]);
    writer.optionalText(3, id, this.#texts[2]);
    for (const parameter of this.#parameters) writer.raw(parameter);
    for (const output of this.#outputs) writeOutput(writer, output);
    for (const { tensor } of this.#outputs) {
      writer.head(6, tensor.data.byteLength);
      writer.raw(tensor.data);
    }
  }
}

function encodeParameters({ parameters, isLast }: OutgoingResponse): Buffer[] {
  const encoded: Buffer[] = [];
  for (const [name, value] of Object.entries(parameters)) encoded.push(encodeParameter(name, value));
  if (isLast !== undefined) encoded.push(isLast ? FINAL_PARAMETER_TRUE : FINAL_PARAMETER_FALSE);
  return encoded;
}

function planOutput(tensor: Tensor): OutputPlan {
  const nameLength = Buffer.byteLength(tensor.name);
  let shapeLength = 0;
  for (const size of tensor.shape) shapeLength += varintLength(size);
  const length = fieldLength(nameLength) + fieldLength(tensor.datatype.length) + fieldLength(shapeLength);
  return { tensor, nameLength, shapeLength, length };
}

function writeOutput(writer: MessageWriter, { tensor, nameLength, shapeLength, length }: OutputPlan): void {
  writer.head(5, length);
  writer.optionalText(1, tensor.name, nameLength);
  writer.optionalText(2, tensor.datatype, tensor.datatype.length);
  if (shapeLength === 0) return;
  writer.head(3, shapeLength);
  for (const size of tensor.shape) writer.varint(size);
}
