import type { InferenceEvent } from '../../core/inference/index.ts';

/** What an entry takes beside the bytes of its tensors. */
const ENTRY_BYTES = 512;
const EVENT_BYTES = 128;

interface Entry {
  readonly events: readonly InferenceEvent[];
  readonly bytes: number;
}

/** Answers by the digests of their requests, the least recently used forgotten first. Holds at most so many bytes. */
export class ResponseStore {
  readonly #mostBytes: number;
  readonly #entries = new Map<string, Entry>();
  #bytes = 0;

  constructor(mostBytes: number) {
    this.#mostBytes = mostBytes;
  }

  get bytes(): number {
    return this.#bytes;
  }

  find(key: string): readonly InferenceEvent[] | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    return entry.events;
  }

  /** Keeps copies: tensors may be views of a larger frame. */
  keep(key: string, events: readonly InferenceEvent[]): void {
    const bytes = events.reduce((sum, event) => sum + sizeOf(event), ENTRY_BYTES);
    if (bytes > this.#mostBytes) return;
    this.#forget(key);
    this.#entries.set(key, { events: events.map(copyEvent), bytes });
    this.#bytes += bytes;
    for (const oldest of this.#entries.keys()) {
      if (this.#bytes <= this.#mostBytes) return;
      this.#forget(oldest);
    }
  }

  #forget(key: string): void {
    this.#bytes -= this.#entries.get(key)?.bytes ?? 0;
    this.#entries.delete(key);
  }
}

function sizeOf(event: InferenceEvent): number {
  return EVENT_BYTES + (event.type === 'tensor' ? event.tensor.data.byteLength + event.tensor.name.length : 0);
}

function copyEvent(event: InferenceEvent): InferenceEvent {
  return event.type === 'tensor' ? { ...event, tensor: { ...event.tensor, data: new Uint8Array(event.tensor.data) } } : event;
}
