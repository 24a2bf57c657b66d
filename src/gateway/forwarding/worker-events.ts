import { errorTable, type ErrorFacts } from '../../core/errors/index.ts';
import { attachEvent, type Frame } from '../../core/framing/index.ts';
import { tensorDatatypes, type InferenceEvent } from '../../core/inference/index.ts';
import type { BodyRange, FromWorker, WireEvent, WireTensor } from '../../core/messages/index.ts';

export type DeliverEvent = (stream: number, event: InferenceEvent) => void;

/**
 * Hands every event of a worker's frame to `deliver`, in order. A worker runs native code over foreign files, so its words are
 * checked before they are believed: throws RangeError on a frame that is none.
 */
export function deliverEvents(frame: Frame, deliver: DeliverEvent): void {
  if (!isFromWorker(frame.header)) throw new RangeError('not an events frame');
  for (const pair of frame.header.events) {
    const [stream, event] = pair;
    if (typeof stream !== 'number' || !isWireEvent(event)) throw new RangeError('not an event');
    deliver(stream, attachEvent(event, frame.body));
  }
}

function isFromWorker(header: unknown): header is FromWorker {
  if (!isRecord(header)) return false;
  return header['type'] === 'events' && Array.isArray(header['events']) && header['events'].every(Array.isArray);
}

function isWireEvent(value: unknown): value is WireEvent {
  if (!isRecord(value)) return false;
  switch (value['type']) {
    case 'text-delta':
      return isIndex(value['choice']) && typeof value['text'] === 'string' && isOptionalArray(value['logprobs']);
    case 'tool-call-delta':
      return isIndex(value['choice']) && isIndex(value['index']) && typeof value['argumentsText'] === 'string';
    case 'choice-finished':
      return isIndex(value['choice']) && typeof value['reason'] === 'string';
    case 'embedding':
      return isIndex(value['index']) && isBodyRange(value['values']);
    case 'score':
      return isIndex(value['index']) && typeof value['score'] === 'number';
    case 'classification':
      return isIndex(value['index']) && Array.isArray(value['classes']);
    case 'object-found':
      return typeof value['label'] === 'string' && Array.isArray(value['box']);
    case 'text-found':
      return typeof value['text'] === 'string' && Array.isArray(value['corners']);
    case 'transcript-segment':
      return isRecord(value['segment']) && typeof value['segment']['text'] === 'string';
    case 'transcript-report':
      return typeof value['language'] === 'string' && typeof value['durationSeconds'] === 'number';
    case 'tensor':
      return isIndex(value['response']) && isWireTensor(value['tensor']);
    case 'response-finished':
      return isIndex(value['response']);
    case 'usage-report':
      return isRecord(value['usage']);
    case 'finished':
      return isRecord(value['timings']);
    case 'failed':
      return isErrorFacts(value['error']);
    default:
      return false;
  }
}

function isErrorFacts(value: unknown): value is ErrorFacts {
  if (!isRecord(value)) return false;
  return typeof value['message'] === 'string' && typeof value['code'] === 'string' && Object.hasOwn(errorTable, value['code']);
}

function isBodyRange(value: unknown): value is BodyRange {
  return isRecord(value) && isIndex(value['offset']) && isIndex(value['length']);
}

function isWireTensor(value: unknown): value is WireTensor {
  if (!isRecord(value) || typeof value['name'] !== 'string' || !isBodyRange(value['data'])) return false;
  const { datatype, shape } = value;
  return tensorDatatypes.some((known) => known === datatype) && Array.isArray(shape) && shape.every(isIndex);
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}

function isIndex(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

function isOptionalArray(value: unknown): boolean {
  return value === undefined || Array.isArray(value);
}
