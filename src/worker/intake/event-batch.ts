import type { Socket } from 'node:net';
import { BodyWriter, detachEvent, encodeFrame } from '../../core/framing/index.ts';
import { isTerminal } from '../../core/inference/index.ts';
import type { FromWorker, StreamId, WireEvent } from '../../core/messages/index.ts';
import type { EventSink } from './event-sink.ts';

/** Gathers one connection's events until the end of a turn and sends them as one frame. */
export class EventBatch {
  readonly #socket: Socket;
  #events: [StreamId, WireEvent][] = [];
  #body = new BodyWriter();

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  /** `onEnd` is called once, with the request's last event. */
  sinkFor(stream: StreamId, onEnd: () => void): EventSink {
    return {
      emit: (event) => {
        this.#events.push([stream, detachEvent(event, this.#body)]);
        if (isTerminal(event)) onEnd();
      },
    };
  }

  flush(): void {
    if (this.#events.length === 0) return;
    const message: FromWorker = { type: 'events', events: this.#events };
    if (!this.#socket.destroyed) this.#socket.write(encodeFrame(message, this.#body.bodies));
    this.#events = [];
    this.#body = new BodyWriter();
  }
}
