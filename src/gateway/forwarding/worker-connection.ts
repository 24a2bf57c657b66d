import { connect, type Socket } from 'node:net';
import { Roster } from '../../core/collections/index.ts';
import type { ErrorFacts } from '../../core/errors/index.ts';
import { BodyWriter, detachRequest, encodeFrame, FrameReader, MAX_FRAME_BYTES } from '../../core/framing/index.ts';
import type { InferenceRequest } from '../../core/inference/index.ts';
import type { Delivery, ToWorker } from '../../core/messages/index.ts';
import { EventQueue, type QueueSource } from './event-queue.ts';
import { deliverEvents } from './worker-events.ts';

/** More than this unsent means that the worker has stopped reading. */
const UNSENT_BYTES_LIMIT = 64 * 1024 * 1024;
const JOIN_BELOW_BYTES = 64 * 1024;

const LOST: ErrorFacts = { code: 'replica_lost', message: 'The replica that worked on this request was lost.' };
const TOO_LARGE: ErrorFacts = {
  code: 'body_too_large',
  message: `The request has more than ${MAX_FRAME_BYTES} bytes on its way to the model.`,
};
const STOPPED_READING: ErrorFacts = { code: 'queue_full', message: 'The model takes no more requests at the moment.' };

export interface WorkerConnectionListener {
  onOpen(): void;
  /** Called once, after every open stream has got `replica_lost`. `reason` is for the log. */
  onClose(reason: string): void;
}

/** The gateway's end of one replica's unix socket: many streams, frames of core/framing, one write per turn of the event loop. */
export class WorkerConnection implements QueueSource {
  readonly #socket: Socket;
  readonly #listener: WorkerConnectionListener;
  readonly #reader = new FrameReader();
  readonly #streams = new Roster<EventQueue>();
  #outgoing: Buffer[] = [];
  #isOpen = false;
  #isLost = false;
  #closeReason = 'closed by the worker';

  constructor(socketPath: string, listener: WorkerConnectionListener) {
    this.#listener = listener;
    this.#socket = connect({ path: socketPath });
    this.#socket.on('connect', () => {
      this.#isOpen = true;
      listener.onOpen();
    });
    this.#socket.on('data', (chunk: Buffer) => this.#receive(chunk));
    this.#socket.on('error', (error) => {
      this.#closeReason = error.message;
    });
    this.#socket.on('close', () => this.#lose());
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  get streamCount(): number {
    return this.#streams.size;
  }

  /** The events end with one terminal event; `replica_lost` when the connection goes first. */
  infer(request: InferenceRequest, delivery: Delivery): EventQueue {
    const queue = new EventQueue(this.#streams.next, this);
    if (!this.#isOpen) queue.fail(LOST);
    else if (this.#socket.writableLength > UNSENT_BYTES_LIMIT) queue.fail(STOPPED_READING);
    else this.#ask(queue, request, delivery);
    return queue;
  }

  cancel(stream: number): void {
    if (this.#streams.remove(stream)) this.#send({ type: 'cancel', stream });
  }

  pause(stream: number): void {
    if (this.#streams.find(stream) !== undefined) this.#send({ type: 'pause', stream });
  }

  resume(stream: number): void {
    if (this.#streams.find(stream) !== undefined) this.#send({ type: 'resume', stream });
  }

  close(reason: string): void {
    this.#closeReason = reason;
    this.#socket.destroy();
    this.#lose();
  }

  #ask(queue: EventQueue, request: InferenceRequest, delivery: Delivery): void {
    const body = new BodyWriter();
    const { stream } = queue;
    const wireRequest = detachRequest(request, body);
    if (body.byteLength >= MAX_FRAME_BYTES) return queue.fail(TOO_LARGE);
    const frame = encodeFrame({ type: 'infer', stream, request: wireRequest, delivery } satisfies ToWorker, body.bodies);
    if (frame.byteLength > MAX_FRAME_BYTES) return queue.fail(TOO_LARGE);
    this.#streams.add(queue);
    this.#push(frame);
  }

  #send(message: ToWorker): void {
    this.#push(encodeFrame(message));
  }

  #push(frame: Buffer): void {
    this.#outgoing.push(frame);
    if (this.#outgoing.length === 1) setImmediate(() => this.#flush());
  }

  #flush(): void {
    const frames = this.#outgoing;
    this.#outgoing = [];
    if (!this.#socket.writable) return;
    let small: Buffer[] = [];
    const writeSmall = (): void => {
      if (small.length > 0) this.#socket.write(Buffer.concat(small));
      small = [];
    };
    this.#socket.cork();
    for (const frame of frames) {
      if (frame.byteLength < JOIN_BELOW_BYTES) small.push(frame);
      else {
        writeSmall();
        this.#socket.write(frame);
      }
    }
    writeSmall();
    this.#socket.uncork();
  }

  #receive(chunk: Buffer): void {
    try {
      for (const frame of this.#reader.push(chunk)) {
        deliverEvents(frame, (stream, event) => {
          const queue = this.#streams.find(stream);
          if (queue === undefined) return;
          if (event.type === 'finished' || event.type === 'failed') this.#streams.remove(stream);
          queue.push(event);
        });
      }
    } catch (error) {
      this.close(`unreadable frame: ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  #lose(): void {
    if (this.#isLost) return;
    this.#isLost = true;
    this.#isOpen = false;
    const streams = this.#streams.empty();
    this.#outgoing = [];
    for (const queue of streams) queue.fail(LOST);
    this.#listener.onClose(this.#closeReason);
  }
}
