import { PlinthError, type ErrorFacts } from '../../../core/errors/index.ts';
import type { UpstreamAddress } from '../../../core/messages/index.ts';
import { failureOfRefusal, isAboutRequest, unreadable } from './upstream-failure.ts';
import type { UpstreamRequest } from './upstream-request.ts';

/** An upstream that says nothing for so long is given up. */
const SILENCE_MS = 300_000;
const MOST_BYTES = 128 * 1024 * 1024;
const MOST_REFUSAL_BYTES = 16 * 1024;
/** The rest of a refusal that takes longer is not waited for. */
const REFUSAL_MS = 2000;
/** What comes after the last event is the end of the body, or nothing worth waiting for. */
const LAST_READS = 4;
const LAST_READS_MS = 1000;
const SAFE_ID = /^[\w.-]{1,128}$/;

/** One POST to an upstream. */
export interface HttpQuestion {
  readonly address: UpstreamAddress;
  readonly question: UpstreamRequest;
  /** What the model is called here. */
  readonly model: string;
  readonly requestId: string;
  readonly key: string | undefined;
  readonly contentType: 'text/event-stream' | 'application/json';
  /** An answer with more is no answer. */
  readonly mostBytes?: number;
}

/**
 * A POST whose answer is read piece by piece, as fast as somebody asks for pieces. Redirects are not followed, and only a good answer of
 * the expected type has a body. Throws `replica_lost` when the upstream cannot be reached, breaks off or falls silent.
 */
export class HttpExchange {
  readonly #asked: HttpQuestion;
  readonly #abort = new AbortController();
  #reader: ReadableStreamDefaultReader<Uint8Array> | undefined;
  #bytes = 0;

  constructor(asked: HttpQuestion) {
    this.#asked = asked;
  }

  async open(): Promise<void> {
    const response = await this.#within(() => this.#send());
    const { body, status, headers } = response;
    if (!response.ok || status === 204 || body === null) throw new PlinthError(await this.#refusalOf(response));
    const type = (headers.get('content-type') ?? '').split(';', 1)[0]?.trim().toLowerCase();
    if (type !== this.#asked.contentType) throw unreadable(`a body that is no ${this.#asked.contentType}`);
    this.#reader = body.getReader();
  }

  /** The next bytes; undefined at the end. */
  async read(): Promise<Uint8Array | undefined> {
    const reader = this.#reader;
    if (reader === undefined) return undefined;
    const { value } = await this.#within(() => reader.read());
    this.#bytes += value?.byteLength ?? 0;
    if (this.#bytes > Math.min(MOST_BYTES, this.#asked.mostBytes ?? MOST_BYTES)) throw unreadable('more than an answer may have');
    return value;
  }

  abort(): void {
    this.#abort.abort();
  }

  /** Everything of interest has been read: the connection may serve again if the body ends now. Does not reject. */
  async finish(): Promise<void> {
    const timer = setTimeout(() => this.abort(), LAST_READS_MS);
    try {
      for (let count = 0; count < LAST_READS; count++) if ((await this.#reader?.read())?.done !== false) return;
      this.abort();
    } catch {
      this.abort();
    } finally {
      clearTimeout(timer);
    }
  }

  #send(): Promise<Response> {
    const { address, question, requestId, key, contentType } = this.#asked;
    return fetch(`${address.url.replace(/\/+$/, '')}/${question.endpoint}`, {
      method: 'POST',
      body: JSON.stringify(question.body),
      redirect: 'manual',
      signal: this.#abort.signal,
      headers: {
        'content-type': 'application/json',
        ...(SAFE_ID.test(requestId) ? { 'x-request-id': requestId } : {}),
        'accept-encoding': 'identity',
        accept: contentType,
        ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
      },
    });
  }

  /** Errors of connections carry addresses; callers see none of them. */
  async #within<T>(work: () => Promise<T>): Promise<T> {
    const timer = setTimeout(() => this.#abort.abort(), SILENCE_MS);
    try {
      return await work();
    } catch (error) {
      throw new PlinthError(this.#lost(), { cause: error });
    } finally {
      clearTimeout(timer);
    }
  }

  #lost(): ErrorFacts {
    return { code: 'replica_lost', message: `The upstream of the model '${this.#asked.model}' cannot be reached or broke off.` };
  }

  async #refusalOf({ status, headers, body }: Response): Promise<ErrorFacts> {
    const { model, key: secret } = this.#asked;
    this.#reader = body?.getReader();
    const words = isAboutRequest(status) ? await this.#readWords() : '';
    this.abort();
    return failureOfRefusal({ model, status, headers, body: words, secret });
  }

  /** As much as comes of a refusal before it is long enough or has taken long enough. */
  async #readWords(): Promise<string> {
    const pieces: Uint8Array[] = [];
    let size = 0;
    const timer = setTimeout(() => this.abort(), REFUSAL_MS);
    try {
      while (size < MOST_REFUSAL_BYTES) {
        const piece = await this.read();
        if (piece === undefined) break;
        pieces.push(piece);
        size += piece.byteLength;
      }
    } catch {
      // What has come tells enough.
    } finally {
      clearTimeout(timer);
    }
    return Buffer.concat(pieces).toString('utf8');
  }
}
