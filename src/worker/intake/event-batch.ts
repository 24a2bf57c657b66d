import type { Socket } from 'node:net';
import type { ErrorFacts } from '../../core/errors/index.ts';
import { BodyWriter, detachEvent, encodeFrame, MAX_FRAME_BYTES } from '../../core/framing/index.ts';
import { isTerminal, type InferenceEvent } from '../../core/inference/index.ts';
import type { FromWorker, StreamId, WireEvent } from '../../core/messages/index.ts';
import type { EventSink } from './event-sink.ts';

/** Of one frame, so that the words beside the bytes find room too. */
const MOST_BODY_BYTES = MAX_FRAME_BYTES - 16 * 1024 * 1024;

/** Gathers one connection's events until the end of a turn and sends them as one frame, or as several where one would be too large. */
export class EventBatch {
  readonly #socket: Pick<Socket, 'write' | 'destroyed'>;
  readonly #mostBytes: number;
  #events: [StreamId, WireEvent][] = [];
  #body = new BodyWriter();

  /** `mostBytes`: of the bodies of one frame. */
  constructor(socket: Pick<Socket, 'write' | 'destroyed'>, mostBytes = MOST_BODY_BYTES) {
    this.#socket = socket;
    this.#mostBytes = mostBytes;
  }

  /** `onEnd` is called once, with the request's last event. */
  sinkFor(stream: StreamId, onEnd: () => void): EventSink {
    let isEnded = false;
    return {
      emit: (event) => {
        if (isEnded) return;
        isEnded = this.#add(stream, event);
        if (isEnded) onEnd();
      },
    };
  }

  /** Whether it was the last event of its stream. */
  #add(stream: StreamId, event: InferenceEvent): boolean {
    const bytes = bytesOf(event);
    if (bytes > this.#mostBytes) return this.#add(stream, { type: 'failed', error: tooLarge(bytes, this.#mostBytes) });
    if (this.#body.byteLength + bytes > this.#mostBytes) this.flush();
    this.#events.push([stream, detachEvent(event, this.#body)]);
    return isTerminal(event);
  }

  flush(): void {
    if (this.#events.length === 0) return;
    const message: FromWorker = { type: 'events', events: this.#events };
    if (!this.#socket.destroyed) this.#socket.write(encodeFrame(message, this.#body.bodies));
    this.#events = [];
    this.#body = new BodyWriter();
  }
}

function bytesOf(event: InferenceEvent): number {
  if (event.type === 'tensor') return event.tensor.data.byteLength;
  return event.type === 'embedding' ? event.values.byteLength : 0;
}

function tooLarge(bytes: number, most: number): ErrorFacts {
  const message = `The model made an output of ${bytes} bytes; at most ${most} can be sent.`;
  return { code: 'engine_failed', message };
}
