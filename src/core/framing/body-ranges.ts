import type { InferenceEvent, InferenceRequest } from '../inference/index.ts';
import type { BodyRange, WireEvent, WireRequest } from '../messages/index.ts';

/** Takes the bytes out of one message: they gather in `bodies`, to be sent as the body of its frame. */
export class BodyWriter {
  readonly bodies: Uint8Array[] = [];
  #offset = 0;

  /** Of all bodies. */
  get byteLength(): number {
    return this.#offset;
  }

  add(bytes: Uint8Array): BodyRange {
    const range = { offset: this.#offset, length: bytes.byteLength };
    this.bodies.push(bytes);
    this.#offset += bytes.byteLength;
    return range;
  }
}

/** A request as it goes over the wire; its bytes are added to `body`. */
export function detachRequest(request: InferenceRequest, body: BodyWriter): WireRequest {
  switch (request.kind) {
    case 'tensors':
      return { ...request, inputs: request.inputs.map((tensor) => ({ ...tensor, data: body.add(tensor.data) })) };
    case 'transcribe':
      return { ...request, audio: body.add(request.audio) };
    case 'recognize':
      return { ...request, image: body.add(request.image) };
    default:
      return request;
  }
}

/** The request that `detachRequest` took apart. Throws RangeError when a range lies outside `body`. */
export function attachRequest(request: WireRequest, body: Uint8Array): InferenceRequest {
  switch (request.kind) {
    case 'tensors':
      return { ...request, inputs: request.inputs.map((tensor) => ({ ...tensor, data: cut(body, tensor.data) })) };
    case 'transcribe':
      return { ...request, audio: cut(body, request.audio) };
    case 'recognize':
      return { ...request, image: cut(body, request.image) };
    default:
      return request;
  }
}

/** An event as it goes over the wire; its bytes are added to `body`. */
export function detachEvent(event: InferenceEvent, body: BodyWriter): WireEvent {
  if (event.type === 'embedding') return { ...event, values: body.add(event.values) };
  if (event.type === 'tensor') return { ...event, tensor: { ...event.tensor, data: body.add(event.tensor.data) } };
  return event;
}

/** The event that `detachEvent` took apart. Throws RangeError when a range lies outside `body`. */
export function attachEvent(event: WireEvent, body: Uint8Array): InferenceEvent {
  if (event.type === 'embedding') return { ...event, values: cut(body, event.values) };
  if (event.type === 'tensor') return { ...event, tensor: { ...event.tensor, data: cut(body, event.tensor.data) } };
  return event;
}

function cut(body: Uint8Array, { offset, length }: BodyRange): Uint8Array {
  if (offset < 0 || length < 0 || offset + length > body.byteLength) throw new RangeError('bytes outside their frame');
  return body.subarray(offset, offset + length);
}
