import { errorFactsOf, PlinthError, type ErrorFacts } from '../../../core/errors/index.ts';
import { metadataOf, rpcStatus, type MessageStream, type OpenRpc } from '../grpc/index.ts';
import type { ModelInferRequest } from '../grpc/generated/index.ts';
import type { OpenInference } from '../open-inference-control/index.ts';
import type { StreamedAnswer } from './encode-infer-response.ts';
import { placeOutputs, prepareInference, type ReadyInference } from './model-infer.ts';

/** How streams behave, for all of them. */
export interface StreamRules {
  readonly openInference: OpenInference;
  /** A stream whose client takes nothing for so long is ended. */
  readonly stalledReaderMs: number;
  readonly onDefect: (requestId: string, thrown: unknown) => void;
}

type InferMessages = MessageStream<ModelInferRequest, StreamedAnswer>;

/** Reading pauses when a stream has so many requests in work; the others wait in the client. */
const MOST_IN_WORK = 1024;
const LAST_ANSWER_MS = 50;
const DRAINING: ErrorFacts = { code: 'draining', message: 'The server is shutting down.' };
const STALLED: ErrorFacts = { code: 'request_timeout', message: 'The client did not take the answer in time.' };

/**
 * One `ModelStreamInfer`: any number of requests at a time, each with any number of responses; those of one request come in order. A
 * request that fails is answered in-band and the stream goes on, unless its metadata says `triton_grpc_error: true`: then the first
 * failure is the stream's status. Nothing is pulled for a client that does not read.
 */
export class InferStream {
  readonly #stream: InferMessages;
  readonly #rpc: OpenRpc;
  readonly #rules: StreamRules;
  readonly #isStrict: boolean;
  readonly #onClosed: () => void;
  readonly #begun = new Set<ReturnType<OpenRpc['begin']>>();
  #room: Promise<void> | undefined;
  #isDraining = false;
  #hasAnswered = false;
  #hasToldVersion = false;
  #ending: NodeJS.Timeout | undefined;
  #hasAllRequests = false;
  #isClosed = false;

  constructor(stream: InferMessages, rpc: OpenRpc, options: { readonly rules: StreamRules; readonly onClosed: () => void }) {
    this.#stream = stream;
    this.#rpc = rpc;
    this.#rules = options.rules;
    this.#onClosed = options.onClosed;
    this.#isStrict = stream.metadata.get('triton_grpc_error')[0] === 'true';
  }

  start(): void {
    this.#stream.on('data', (message: ModelInferRequest) => void this.#answer(message));
    this.#stream.once('end', () => {
      this.#hasAllRequests = true;
      this.#endWhenDone();
    });
    // Told at every end, also a regular one.
    this.#stream.once('cancelled', () => this.#close());
  }

  /** Ends the stream as soon as nothing is in work on it. */
  drain(): void {
    this.#isDraining = true;
    this.#endWhenDone();
  }

  async #answer(message: ModelInferRequest): Promise<void> {
    let begun: ReturnType<OpenRpc['begin']> | undefined;
    let failure: ErrorFacts | undefined;
    try {
      begun = this.#rpc.begin();
      this.#track(begun);
      const prepared = prepareInference(this.#rules.openInference, message, begun.call);
      await this.#infer(prepared instanceof Promise ? await prepared : prepared, begun);
    } catch (thrown) {
      failure = errorFactsOf(thrown);
      if (failure.code === 'internal_error') this.#rules.onDefect(begun?.call.requestId ?? this.#rpc.requestId, thrown);
      if (begun !== undefined) this.#tellVersion(begun);
      this.#tellFailure(message.id, failure);
    }
    if (begun === undefined || !this.#begun.delete(begun)) return;
    this.#hasAnswered = true;
    begun.end({ failure, ending: 'answered' });
    if (this.#begun.size < MOST_IN_WORK && this.#stream.isPaused()) this.#stream.resume();
    this.#endWhenDone();
  }

  async #infer({ plan, order }: ReadyInference, begun: ReturnType<OpenRpc['begin']>): Promise<void> {
    const { openInference } = this.#rules;
    for await (const event of openInference.door.infer(plan.request, begun.call)) {
      if (event.type === 'failed') throw new PlinthError(event.error);
      const response = plan.take(event);
      if (response !== undefined) {
        const placed = order.outputMemory === undefined ? response : await placeOutputs(openInference, order, response);
        this.#tellVersion(begun);
        this.#write({ ...placed, isLast: response.isFinal });
      }
      if (this.#room !== undefined) await this.#room;
      if (this.#isClosed) return;
    }
  }

  #track(begun: ReturnType<OpenRpc['begin']>): void {
    this.#begun.add(begun);
    if (this.#begun.size >= MOST_IN_WORK) this.#stream.pause();
  }

  /** Metadata goes out once, before the first answer; the others say their version themselves. */
  #tellVersion(begun: ReturnType<OpenRpc['begin']>): void {
    if (this.#hasToldVersion || this.#isClosed) return;
    this.#hasToldVersion = true;
    this.#stream.sendMetadata(metadataOf(begun.versionEntries()));
  }

  #write(answer: StreamedAnswer): void {
    if (this.#isClosed || this.#stream.write(answer)) return;
    this.#room ??= this.#waitForRoom();
  }

  #waitForRoom(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(() => this.#fail(STALLED), this.#rules.stalledReaderMs);
    const settle = (): void => {
      clearTimeout(timer);
      this.#stream.off('drain', settle).off('cancelled', settle);
      this.#room = undefined;
      resolve();
    };
    this.#stream.once('drain', settle).once('cancelled', settle);
    return promise;
  }

  #tellFailure(id: string, failure: ErrorFacts): void {
    if (this.#isStrict) this.#fail(failure);
    else this.#write({ id, error: failure.message });
  }

  /** Ends the stream with a status, and with it everything in work on it. */
  #fail(failure: ErrorFacts): void {
    if (this.#isClosed) return;
    this.#stream.emit('error', rpcStatus(failure, this.#rpc.requestId));
    this.#close();
  }

  #endWhenDone(): void {
    if (this.#isClosed || this.#begun.size > 0) return;
    if (this.#isDraining) this.#endDrained();
    else if (this.#hasAllRequests) {
      this.#stream.end();
      this.#close();
    }
  }

  /** Stock clients drop answers that arrive together with a failure. */
  #endDrained(): void {
    if (!this.#hasAnswered) return this.#fail(DRAINING);
    this.#ending ??= setTimeout(() => this.#fail(DRAINING), LAST_ANSWER_MS);
  }

  #close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    clearTimeout(this.#ending);
    for (const begun of this.#begun) begun.end({ ending: 'left' });
    this.#begun.clear();
    this.#onClosed();
  }
}
