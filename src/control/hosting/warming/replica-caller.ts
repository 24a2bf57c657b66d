import { connect, type Socket } from 'node:net';
import { BodyWriter, detachRequest, encodeFrame, FrameReader } from '../../../core/framing/index.ts';
import type { InferenceRequest } from '../../../core/inference/index.ts';
import type { ToWorker } from '../../../core/messages/index.ts';

/** How a request ended; `lost` when the replica went away first. */
export type CallOutcome = 'finished' | 'failed' | 'lost';

/** The end of a gateway on a replica's unix socket, for requests of which nobody reads the answer. */
export class ReplicaCaller {
  readonly #socket: Socket;
  readonly #reader = new FrameReader();
  readonly #open = new Map<number, (outcome: CallOutcome) => void>();
  #lastStream = 0;
  #isLost = false;

  constructor(socketPath: string) {
    this.#socket = connect({ path: socketPath });
    this.#socket.on('data', (chunk: Buffer) => this.#receive(chunk));
    this.#socket.on('error', () => undefined);
    this.#socket.on('close', () => this.close());
  }

  /** Resolves at the request's end. Never rejects. */
  ask(request: InferenceRequest): Promise<CallOutcome> {
    if (this.#isLost) return Promise.resolve('lost');
    return new Promise((resolve) => {
      const stream = (this.#lastStream += 1);
      const body = new BodyWriter();
      const message: ToWorker = { type: 'infer', stream, request: detachRequest(request, body), delivery: 'whole' };
      this.#open.set(stream, resolve);
      this.#socket.write(encodeFrame(message, body.bodies));
    });
  }

  /** What is still under way is lost. */
  close(): void {
    this.#isLost = true;
    this.#socket.destroy();
    for (const settle of this.#open.values()) settle('lost');
    this.#open.clear();
  }

  /** A worker runs native code over foreign files: what it says is checked before it is believed. */
  #receive(chunk: Buffer): void {
    try {
      for (const { header } of this.#reader.push(chunk)) for (const end of readEnds(header)) this.#settle(end);
    } catch {
      this.close();
    }
  }

  #settle({ stream, outcome }: End): void {
    this.#open.get(stream)?.(outcome);
    this.#open.delete(stream);
  }
}

interface End {
  readonly stream: number;
  readonly outcome: CallOutcome;
}

function readEnds(header: unknown): readonly End[] {
  const events: unknown = (header as { readonly events?: unknown } | null)?.events;
  if (!Array.isArray(events)) return [];
  return events.flatMap((pair: unknown): readonly End[] => {
    const [stream, event] = Array.isArray(pair) ? (pair as readonly unknown[]) : [];
    const type: unknown = (event as { readonly type?: unknown } | null | undefined)?.type;
    return typeof stream === 'number' && (type === 'finished' || type === 'failed') ? [{ stream, outcome: type }] : [];
  });
}
