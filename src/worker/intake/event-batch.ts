import type { Socket } from 'node:net';
import { encodeFrame } from '../../core/framing/index.ts';
import { isTerminal, type InferenceEvent } from '../../core/inference/index.ts';
import type { FromWorker, StreamId, WireEvent } from '../../core/messages/index.ts';
import type { EventSink } from './event-sink.ts';

/** Gathers one connection's events until the end of a turn and sends them as one frame. */
export class EventBatch {
  readonly #socket: Socket;
  #events: [StreamId, WireEvent][] = [];
  #bodies: Uint8Array[] = [];
  #bodyBytes = 0;

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  /** `onEnd` is called once, with the request's last event. */
  sinkFor(stream: StreamId, onEnd: () => void): EventSink {
    return {
      emit: (event) => {
        this.#events.push([stream, this.#toWire(event)]);
        if (isTerminal(event)) onEnd();
      },
    };
  }

  flush(): void {
    if (this.#events.length === 0) return;
    const message: FromWorker = { type: 'events', events: this.#events };
    if (!this.#socket.destroyed) this.#socket.write(encodeFrame(message, this.#bodies));
    this.#events = [];
    this.#bodies = [];
    this.#bodyBytes = 0;
  }

  #toWire(event: InferenceEvent): WireEvent {
    if (event.type !== 'embedding') return event;
    const range = { offset: this.#bodyBytes, length: event.values.byteLength };
    this.#bodies.push(event.values);
    this.#bodyBytes += event.values.byteLength;
    return { type: 'embedding', index: event.index, values: range };
  }
}
