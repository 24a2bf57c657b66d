import { PlinthError } from '../../../core/errors/index.ts';
import type { EmbedRequest, GenerateRequest, InferenceEvent, InferenceRequest } from '../../../core/inference/index.ts';
import type { UpstreamAddress } from '../../../core/messages/index.ts';
import type { Logger } from '../../../core/telemetry/index.ts';
import { toEmbeddingEvents } from './embedding-events.ts';
import { EventLines } from './event-lines.ts';
import { GenerationEvents } from './generation-events.ts';
import { HttpExchange } from './http-exchange.ts';
import { failureInStream, unreadable } from './upstream-failure.ts';
import { formatUpstreamRequest, type UpstreamRequest } from './upstream-request.ts';
import { UpstreamStream, type Exchange } from './upstream-stream.ts';

/** A vector of the longest kind, written as numbers, with everything around it. */
const MOST_VECTOR_BYTES = 2 * 1024 * 1024;
const HEAD_BYTES = 64 * 1024;

/** Where the keys for upstreams are found, and who is told when one is not. */
export interface UpstreamsOptions {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly logger: Logger;
}

/** The gateway's end of endpoints that others run: requests go out in the OpenAI dialect, answers come back as events. */
export class Upstreams {
  readonly #options: UpstreamsOptions;
  readonly #open = new Set<Exchange>();

  constructor(options: UpstreamsOptions) {
    this.#options = options;
  }

  /**
   * Hands a request over at the first pull. The events end with one terminal event: `replica_lost` when the upstream cannot be reached or
   * breaks off. Throws `unsupported_capability` for what the dialect has no words for, `model_unavailable` when the key is missing.
   */
  infer(address: UpstreamAddress, request: InferenceRequest): AsyncIterable<InferenceEvent> {
    const question = formatUpstreamRequest(request, address);
    const exchange = this.#exchangeFor(address, { request, question });
    this.#open.add(exchange);
    return new UpstreamStream(exchange, () => this.#open.delete(exchange));
  }

  close(): void {
    for (const exchange of this.#open) exchange.abort();
  }

  #exchangeFor(
    address: UpstreamAddress,
    { request, question }: { readonly request: InferenceRequest; readonly question: UpstreamRequest },
  ): Exchange {
    const asked = { address, question, model: request.model, requestId: request.id, key: this.#keyOf(address, request.model) };
    if (request.kind === 'embed') {
      const mostBytes = HEAD_BYTES + request.inputs.length * MOST_VECTOR_BYTES;
      return new EmbeddingExchange(new HttpExchange({ ...asked, contentType: 'application/json', mostBytes }), request);
    }
    if (request.kind !== 'generate') throw unreadable('nothing');
    const http = new HttpExchange({ ...asked, contentType: 'text/event-stream' });
    return new GenerationExchange(http, { request, endpoint: question.endpoint });
  }

  #keyOf({ keyVariable }: UpstreamAddress, model: string): string | undefined {
    if (keyVariable === undefined) return undefined;
    const key = this.#options.environment[keyVariable]?.trim() ?? '';
    if (/^[\x21-\x7e]+$/.test(key)) return key;
    this.#options.logger.warn({ model, variable: keyVariable }, 'the key for an upstream is missing or is no key');
    throw new PlinthError({ code: 'model_unavailable', message: `The key for the upstream of the model '${model}' is missing.` });
  }
}

class GenerationExchange implements Exchange {
  readonly #http: HttpExchange;
  readonly #lines = new EventLines();
  readonly #events: GenerationEvents;
  readonly #asked: { readonly request: GenerateRequest; readonly endpoint: UpstreamRequest['endpoint'] };
  #hasEnded = false;

  constructor(http: HttpExchange, asked: { readonly request: GenerateRequest; readonly endpoint: UpstreamRequest['endpoint'] }) {
    this.#http = http;
    this.#asked = asked;
    this.#events = new GenerationEvents(asked.request.prompts.length * asked.request.choiceCount);
  }

  get usage() {
    return this.#events.usage;
  }

  open(): Promise<void> {
    return this.#http.open();
  }

  async read(): Promise<readonly InferenceEvent[] | undefined> {
    if (this.#hasEnded) return undefined;
    const bytes = await this.#http.read();
    if (bytes === undefined) return this.#atEnd();
    const events: InferenceEvent[] = [];
    for (const data of this.#lines.push(bytes)) {
      if (data === '[DONE]') {
        this.#atEnd();
        void this.#http.finish();
        break;
      }
      for (const event of this.#toEvents(data)) events.push(event);
    }
    return events;
  }

  abort(): void {
    this.#http.abort();
  }

  #toEvents(data: string): readonly InferenceEvent[] {
    const chunk = parseJson(data);
    const failure = failureInStream(chunk, this.#asked.request.model);
    if (failure !== undefined) throw new PlinthError(failure);
    return this.#asked.endpoint === 'completions' ? this.#events.takeCompletion(chunk) : this.#events.takeChat(chunk);
  }

  /** Some upstreams leave the last line out; what counts is that every choice has ended. */
  #atEnd(): undefined {
    this.#hasEnded = true;
    if (this.#events.isComplete) return undefined;
    const message = `The upstream of the model '${this.#asked.request.model}' broke off before the answer was complete.`;
    throw new PlinthError({ code: 'replica_lost', message });
  }
}

class EmbeddingExchange implements Exchange {
  readonly #http: HttpExchange;
  readonly #request: EmbedRequest;
  readonly #pieces: Uint8Array[] = [];
  #hasEnded = false;
  readonly usage = undefined;

  constructor(http: HttpExchange, request: EmbedRequest) {
    this.#http = http;
    this.#request = request;
  }

  open(): Promise<void> {
    return this.#http.open();
  }

  async read(): Promise<readonly InferenceEvent[] | undefined> {
    if (this.#hasEnded) return undefined;
    const bytes = await this.#http.read();
    if (bytes !== undefined) {
      this.#pieces.push(bytes);
      return [];
    }
    this.#hasEnded = true;
    return toEmbeddingEvents(parseJson(Buffer.concat(this.#pieces).toString('utf8')), this.#request);
  }

  abort(): void {
    this.#http.abort();
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw unreadable('something that is no JSON');
  }
}
