import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { attachRequest, BodyWriter, detachEvent, encodeFrame, FrameReader } from '../core/framing/index.ts';
import type { InferenceEvent, InferenceRequest } from '../core/inference/index.ts';
import type { ToWorker } from '../core/messages/index.ts';

/** One request as a fake worker sees it. */
export interface FakeStream {
  readonly stream: number;
  readonly request: InferenceRequest;
  send(...events: readonly Exclude<InferenceEvent, { type: 'embedding' }>[]): void;
  /** Ends the whole connection, as a worker that dies does. */
  die(): void;
}

export type FakeScript = (stream: FakeStream) => void;

/** A unix socket that speaks a worker's frames and does what its script says. */
export interface FakeWorker {
  readonly socketPath: string;
  /** Everything that came in, in order. */
  readonly received: readonly ToWorker[];
  /** Resolves once a message that satisfies `isWanted` has come in. */
  waitFor(isWanted: (message: ToWorker) => boolean): Promise<ToWorker>;
  sendRaw(bytes: Uint8Array): void;
  close(): Promise<void>;
}

export const TIMINGS = { queueMs: 1, prefillMs: 2, decodeMs: 3 };

/** Answers `words` as deltas with usage and a regular end. */
export function answerWith(...words: readonly string[]): FakeScript {
  return ({ send }) => {
    for (const text of words) send({ type: 'text-delta', choice: 0, text });
    send({ type: 'choice-finished', choice: 0, reason: 'stop' });
    send({ type: 'usage-report', usage: { promptTokens: 3, cachedTokens: 1, completionTokens: words.length } });
    send({ type: 'finished', timings: TIMINGS });
  };
}

export async function startFakeWorker(script: FakeScript): Promise<FakeWorker> {
  const folder = await mkdtemp(join(tmpdir(), 'fake-worker-'));
  const socketPath = join(folder, 'w.sock');
  const received: ToWorker[] = [];
  const waiters = new Set<() => void>();
  const sockets = new Set<Socket>();
  const listener = createServer((socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => undefined);
    const reader = new FrameReader();
    socket.on('data', (chunk: Buffer) => {
      for (const frame of reader.push(chunk)) {
        const message = frame.header as ToWorker;
        received.push(message);
        if (message.type === 'infer') script(fakeStream(socket, message, frame.body));
        for (const wake of [...waiters]) wake();
      }
    });
  });
  await listening(listener, socketPath);
  return {
    socketPath,
    received,
    waitFor: (isWanted) => waitFor({ received, waiters, isWanted }),
    sendRaw: (bytes) => sockets.forEach((socket) => socket.write(bytes)),
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => listener.close(resolve));
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function fakeStream(socket: Socket, message: Extract<ToWorker, { type: 'infer' }>, requestBody: Uint8Array): FakeStream {
  const { stream } = message;
  return {
    stream,
    request: attachRequest(message.request, requestBody),
    send: (...events) => {
      const body = new BodyWriter();
      const wire = events.map((event) => [stream, detachEvent(event, body)]);
      socket.write(encodeFrame({ type: 'events', events: wire }, body.bodies));
    },
    die: () => void socket.destroy(),
  };
}

async function listening(listener: Server, socketPath: string): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    listener.once('error', reject);
    listener.listen(socketPath, resolve);
  });
}

interface Wait {
  readonly received: readonly ToWorker[];
  readonly waiters: Set<() => void>;
  readonly isWanted: (message: ToWorker) => boolean;
}

function waitFor({ received, waiters, isWanted }: Wait): Promise<ToWorker> {
  return new Promise((resolve) => {
    const look = (): void => {
      const found = received.find(isWanted);
      if (found === undefined) return;
      waiters.delete(look);
      resolve(found);
    };
    waiters.add(look);
    look();
  });
}
