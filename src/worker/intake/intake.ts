import { chmodSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { attachRequest, FrameReader, type Frame } from '../../core/framing/index.ts';
import type { InferenceRequest } from '../../core/inference/index.ts';
import type { Delivery, StreamId, ToWorker } from '../../core/messages/index.ts';
import { EventBatch } from './event-batch.ts';
import type { EventSink } from './event-sink.ts';

/** A request and how its answer is wanted. */
export interface Arrival {
  readonly request: InferenceRequest;
  readonly delivery: Delivery;
}

/** What arrives, as the runner sees it. `R` is whatever the receiver keeps of a request. */
export interface IntakeReceiver<R> {
  accept(arrival: Arrival, sink: EventSink): R;
  cancel(request: R): void;
  pause(request: R): void;
  resume(request: R): void;
}

/** The open socket of a replica. */
export interface Intake {
  /** A message has begun to arrive and is not whole yet. */
  readonly isReceiving: boolean;
  /** Sends what was emitted since the last call: one frame per connection. */
  flush(): void;
  close(): void;
}

interface Connection<R> {
  readonly socket: Socket;
  readonly batch: EventBatch;
  readonly reader: FrameReader;
  readonly streams: Map<StreamId, R>;
}

/** Listens on a unix socket that only this user can open and brings gateways' requests to the receiver. */
export async function openIntake<R>(socketPath: string, receiver: IntakeReceiver<R>): Promise<Intake> {
  const connections = new Set<Connection<R>>();
  const listener = createServer((socket) => admitConnection({ socket, receiver, connections }));
  await listen(listener, socketPath);
  return {
    get isReceiving() {
      for (const { reader } of connections) if (reader.hasPart) return true;
      return false;
    },
    flush: () => connections.forEach((connection) => connection.batch.flush()),
    close: () => {
      listener.close();
      connections.forEach((connection) => connection.socket.destroy());
    },
  };
}

function listen(listener: Server, socketPath: string): Promise<void> {
  const before = process.umask(0o177);
  return new Promise<void>((resolve, reject) => {
    listener.once('error', reject);
    listener.listen(socketPath, () => {
      chmodSync(socketPath, 0o600);
      resolve();
    });
  }).finally(() => process.umask(before));
}

interface Joining<R> {
  readonly socket: Socket;
  readonly receiver: IntakeReceiver<R>;
  readonly connections: Set<Connection<R>>;
}

function admitConnection<R>({ socket, receiver, connections }: Joining<R>): void {
  const reader = new FrameReader();
  const connection: Connection<R> = { socket, batch: new EventBatch(socket), reader, streams: new Map() };
  connections.add(connection);
  socket.on('data', (chunk) => {
    try {
      for (const frame of reader.push(chunk)) dispatch(frame, connection, receiver);
    } catch (error) {
      socket.destroy(error instanceof Error ? error : undefined);
    }
  });
  socket.on('error', () => socket.destroy());
  socket.on('close', () => {
    connections.delete(connection);
    for (const request of connection.streams.values()) receiver.cancel(request);
  });
}

function dispatch<R>(frame: Frame, connection: Connection<R>, receiver: IntakeReceiver<R>): void {
  const { streams, batch } = connection;
  const message = frame.header as ToWorker;
  if (message.type === 'infer') {
    let isEnded = false;
    const sink = batch.sinkFor(message.stream, () => {
      isEnded = true;
      streams.delete(message.stream);
    });
    const arrival = { request: attachRequest(message.request, frame.body), delivery: message.delivery };
    const accepted = receiver.accept(arrival, sink);
    // Who is refused at once is not kept.
    if (!isEnded) streams.set(message.stream, accepted);
    return;
  }
  const request = streams.get(message.stream);
  if (request === undefined) return;
  if (message.type === 'cancel') streams.delete(message.stream);
  receiver[message.type](request);
}
