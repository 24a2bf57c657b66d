import { approximateBytes, type InferenceEvent } from '../../core/inference/index.ts';

const CLASS_BYTES = 64;

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
    this.#bytes += approximateBytes(event) + listedBytes(event);
    if (this.isTooLarge) this.#events = [];
    else this.#events.push(withOwnBytes(event));
  }
}

/** What {@link approximateBytes} leaves out. */
function listedBytes(event: InferenceEvent): number {
  switch (event.type) {
    case 'classification':
      return CLASS_BYTES * event.classes.length;
    case 'transcript-segment':
      return event.segment.text.length + 8 * event.segment.tokens.length;
    case 'text-found':
      return event.text.length;
    default:
      return 0;
  }
}

/** Vectors and tensors are views of a frame that may be much larger. */
function withOwnBytes(event: InferenceEvent): InferenceEvent {
  if (event.type === 'embedding') return { ...event, values: new Uint8Array(event.values) };
  if (event.type === 'tensor') return { ...event, tensor: { ...event.tensor, data: new Uint8Array(event.tensor.data) } };
  return event;
}
