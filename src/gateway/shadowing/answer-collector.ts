import type { InferenceEvent } from '../../core/inference/index.ts';

const EVENT_BYTES = 64;
const LOGPROB_BYTES = 128;

/** Keeps the events of one answer up to a limit of bytes. An answer that is longer is let go of as a whole. */
export class AnswerCollector {
  readonly #mostBytes: number;
  #events: InferenceEvent[] = [];
  #bytes = 0;

  constructor(mostBytes: number) {
    this.#mostBytes = mostBytes;
  }

  get isTooLarge(): boolean {
    return this.#bytes > this.#mostBytes;
  }

  /** Empty for an answer that was too large. */
  get events(): readonly InferenceEvent[] {
    return this.#events;
  }

  take(event: InferenceEvent): void {
    if (this.isTooLarge) return;
    this.#bytes += approximateBytes(event);
    if (this.isTooLarge) this.#events = [];
    else this.#events.push(withOwnBytes(event));
  }
}

function approximateBytes(event: InferenceEvent): number {
  switch (event.type) {
    case 'text-delta':
      return EVENT_BYTES + event.text.length + logprobBytes(event);
    case 'tool-call-delta':
      return EVENT_BYTES + event.argumentsText.length;
    case 'embedding':
      return EVENT_BYTES + event.values.byteLength;
    case 'tensor':
      return EVENT_BYTES + event.tensor.data.byteLength;
    case 'classification':
      return EVENT_BYTES * (1 + event.classes.length);
    case 'transcript-segment':
      return EVENT_BYTES + event.segment.text.length + 8 * event.segment.tokens.length;
    case 'text-found':
      return EVENT_BYTES + event.text.length;
    default:
      return EVENT_BYTES;
  }
}

function logprobBytes({ logprobs = [] }: Extract<InferenceEvent, { type: 'text-delta' }>): number {
  return logprobs.reduce((sum, token) => sum + LOGPROB_BYTES * (1 + token.top.length), 0);
}

/** Vectors and tensors are views of a frame that may be much larger. */
function withOwnBytes(event: InferenceEvent): InferenceEvent {
  if (event.type === 'embedding') return { ...event, values: new Uint8Array(event.values) };
  if (event.type === 'tensor') return { ...event, tensor: { ...event.tensor, data: new Uint8Array(event.tensor.data) } };
  return event;
}
