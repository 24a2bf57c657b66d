import type { AddressInfo } from 'node:net';
import Fastify, { type FastifyInstance, type FastifyRequest } from 'fastify';
import { isTerminal, type InferenceEvent, type InferenceRequest } from '../../core/inference/index.ts';
import type { Feedback, ModelRepository, RoutedModel } from '../../core/messages/index.ts';
import { chooseAmong } from '../fake-snapshots.ts';
import { formatErrorOf } from './format-error-of.ts';
import { httpErrorFacts } from './http/index.ts';
import type { Call, InferenceDoor, ProtocolOptions } from './inference-door.ts';
import { registerOpenAi } from './openai/index.ts';

type Script = (request: InferenceRequest, call: Call) => AsyncIterable<InferenceEvent>;

export interface ScriptedOptions {
  readonly heartbeatMs?: number;
  readonly stalledReaderMs?: number;
  readonly models?: readonly RoutedModel[];
  /** Whose key the caller presents; an inference key when absent. */
  readonly role?: Call['principal']['role'];
  readonly repository?: ModelRepository;
  /** What puts endpoints on the application; the OpenAI ones when absent. */
  readonly protocols?: ReadonlyArray<(app: FastifyInstance, door: InferenceDoor, options: ProtocolOptions) => void>;
}

/** For tests: the protocols on a real port, in front of a door that answers by a script. */
export class ScriptedApplication implements InferenceDoor {
  /** What the door has been asked, in order. */
  readonly requests: InferenceRequest[] = [];
  /** Feedback that came in, in order. */
  readonly opinions: Feedback[] = [];
  /** Answers the next requests. */
  script: Script = () => play([]);
  readonly repository: ModelRepository | undefined;
  readonly choose: InferenceDoor['choose'];
  readonly #app: FastifyInstance;
  readonly #models: readonly RoutedModel[];
  readonly #calls = new WeakMap<FastifyRequest, Call>();
  #cancelled = 0;
  #cancelWaiters: Array<() => void> = [];

  constructor(options: ScriptedOptions = {}) {
    const {
      heartbeatMs = 60_000,
      stalledReaderMs = 60_000,
      models = [scriptedModel('tiny')],
      protocols = [registerOpenAi],
    } = options;
    this.#models = models;
    this.choose = chooseAmong(models);
    this.repository = options.repository;
    this.#app = Fastify({ bodyLimit: 100_000 });
    this.#app.addHook('onRequest', (request, reply, done) => {
      const abort = new AbortController();
      const requestId = `req-${request.id}`;
      reply.raw.once('close', () => abort.abort());
      reply.header('x-request-id', requestId);
      const principal = { keyId: 'k', role: options.role ?? 'inference' };
      this.#calls.set(request, { requestId, principal, signal: abort.signal, deadlineMs: performance.now() + 60_000 });
      done();
    });
    this.#app.setErrorHandler((thrown, request, reply) => {
      const { status, headers, body } = formatErrorOf(request.url, httpErrorFacts(thrown));
      return reply.code(status).headers(headers).send(body);
    });
    const shared = { callOf: (request: FastifyRequest) => this.#callOf(request), heartbeatMs, stalledReaderMs, bodyDepth: 64 };
    for (const register of protocols) register(this.#app, this, shared);
  }

  /** Opens a free port; returns it. */
  async listen(): Promise<number> {
    await this.#app.listen({ host: '127.0.0.1', port: 0 });
    return (this.#app.server.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    this.#app.server.closeAllConnections();
    await this.#app.close();
  }

  models(): readonly RoutedModel[] {
    return this.#models;
  }

  aliases(): Readonly<Record<string, string>> {
    return {};
  }

  feedback(feedback: Feedback): Promise<void> {
    this.opinions.push(feedback);
    return Promise.resolve();
  }

  infer(request: InferenceRequest, call: Call): AsyncIterable<InferenceEvent> {
    this.requests.push(request);
    return new WatchedEvents(this.script(request, call), () => this.#noteCancel());
  }

  /** Settles once the work of `count` requests was given up before its end. */
  async cancelled(count: number): Promise<void> {
    while (this.#cancelled < count) await new Promise<void>((resolve) => this.#cancelWaiters.push(resolve));
  }

  #noteCancel(): void {
    this.#cancelled += 1;
    for (const wake of this.#cancelWaiters.splice(0)) wake();
  }

  #callOf(request: FastifyRequest): Call {
    const call = this.#calls.get(request);
    if (call === undefined) throw new Error('no call was made for this request');
    return call;
  }
}

/** Like the gateway's own streams: leaving ends a read that is under way at once. */
class WatchedEvents implements AsyncIterableIterator<InferenceEvent> {
  readonly #events: AsyncIterator<InferenceEvent>;
  readonly #onCancelled: () => void;
  readonly #left = Promise.withResolvers<IteratorResult<InferenceEvent>>();
  #isOver = false;

  constructor(events: AsyncIterable<InferenceEvent>, onCancelled: () => void) {
    this.#events = events[Symbol.asyncIterator]();
    this.#onCancelled = onCancelled;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async next(): Promise<IteratorResult<InferenceEvent>> {
    const result = await Promise.race([this.#events.next(), this.#left.promise]);
    if (result.done === true || isTerminal(result.value)) this.#isOver = true;
    return result;
  }

  return(): Promise<IteratorResult<InferenceEvent>> {
    if (!this.#isOver) this.#onCancelled();
    this.#isOver = true;
    this.#left.resolve({ done: true, value: undefined });
    return this.#left.promise;
  }
}

/** Yields the events one after the other. */
export async function* play(events: readonly InferenceEvent[]): AsyncGenerator<InferenceEvent> {
  yield* events;
}

/** Never yields. */
export function silence(): AsyncIterable<InferenceEvent> {
  return { [Symbol.asyncIterator]: () => ({ next: () => new Promise<never>(() => undefined) }) };
}

export function scriptedModel(name: string, facts: Partial<NonNullable<RoutedModel['facts']>> = {}): RoutedModel {
  return {
    name,
    version: '1',
    createdAt: 1_700_000_000,
    replicas: [],
    queueLength: 1,
    queueTimeoutMs: 1,
    facts: {
      architecture: 'scripted',
      parameterCount: 1,
      quantization: 'F32',
      fileBytes: 1,
      engine: 'scripted 1',
      contextTokens: 2048,
      embeddingDimensions: 4,
      slots: 1,
      capabilities: ['chat', 'completion', 'embed', 'tools', 'infill'],
      ...facts,
    },
  };
}

export const FINISHED: InferenceEvent = { type: 'finished', timings: { queueMs: 0, prefillMs: 0, decodeMs: 0 } };

export function usageEvent(promptTokens: number, completionTokens: number, cachedTokens = 0): InferenceEvent {
  return { type: 'usage-report', usage: { promptTokens, completionTokens, cachedTokens } };
}

export function textEvent(text: string, choice = 0): InferenceEvent {
  return { type: 'text-delta', choice, text };
}

export function choiceFinished(choice = 0, reason: 'stop' | 'length' | 'tool-calls' = 'stop'): InferenceEvent {
  return { type: 'choice-finished', choice, reason };
}
