import OpenAI from 'openai';
import { API_KEY } from './serve.ts';

/** One answer that a caller got, or the failure instead. */
export interface Answered {
  readonly requestId: string;
  /** By `x-plinth-version`, as `3`, and `x-plinth-arm`; empty for what nobody answered. */
  readonly version: string;
  readonly arm: string;
  /** `usage.plinth`. */
  readonly told: Told['plinth'];
  readonly failure?: string;
  /** Unix milliseconds, of the request and of the whole answer. */
  readonly beganAt: number;
  readonly endedAt: number;
}

/** Callers who ask one thing after the other for as long as they are let. */
export interface SteadyLoad {
  readonly answers: readonly Answered[];
  readonly failures: readonly Answered[];
  answersOf(version: string): readonly Answered[];
  /** Resolves when the last answers have come. */
  stop(): Promise<readonly Answered[]>;
}

export interface LoadOptions {
  readonly url: string;
  readonly model: string;
  readonly kind: 'chat' | 'stream' | 'embed';
  readonly callers?: number;
  readonly maxTokens?: number;
  readonly headers?: (count: number) => Record<string, string>;
  /** Between two requests of a caller, ms. */
  readonly pauseMs?: number;
}

const SUBJECTS = ['rain', 'bread', 'the moon', 'a garden', 'an old map', 'winter', 'trains', 'honey', 'a river', 'music', 'salt'];
const WISHES = ['Write a sentence about', 'Say something short about', 'What is good about', 'Explain briefly', 'Describe'];

/** Begins to ask with the stock client, which is told never to try again. */
export function beginLoad(options: LoadOptions): SteadyLoad {
  const client = new OpenAI({ baseURL: `${options.url}/v1`, apiKey: API_KEY, maxRetries: 0, timeout: 120_000 });
  const answers: Answered[] = [];
  const end = new AbortController();
  let count = 0;
  const call = async (): Promise<void> => {
    while (!end.signal.aborted) {
      answers.push(await askOnce(client, options, count++));
      if (options.pauseMs !== undefined) await new Promise((done) => setTimeout(done, options.pauseMs));
    }
  };
  const ended = Promise.all(Array.from({ length: options.callers ?? 1 }, call));
  return {
    answers,
    get failures() {
      return answers.filter(({ failure }) => failure !== undefined);
    },
    answersOf: (version) => answers.filter((one) => one.version === version),
    stop: async () => {
      end.abort();
      await ended;
      return answers;
    },
  };
}

interface Told {
  readonly plinth?: { readonly version?: string; readonly arm?: string };
}

async function askOnce(client: OpenAI, options: LoadOptions, count: number): Promise<Answered> {
  const beganAt = Date.now();
  try {
    const { response, usage } = await send(client, options, count);
    return { ...readHeaders(response.headers), told: usage?.plinth, beganAt, endedAt: Date.now() };
  } catch (error) {
    const failure = error instanceof Error ? error.message : String(error);
    const headers = (error instanceof OpenAI.APIError ? error.headers : undefined) ?? new Headers();
    return { ...readHeaders(headers), told: undefined, failure, beganAt, endedAt: Date.now() };
  }
}

function readHeaders(headers: Headers): Pick<Answered, 'requestId' | 'version' | 'arm'> {
  const read = (name: string): string => headers.get(name) ?? '';
  return {
    requestId: read('x-request-id'),
    version: read('x-plinth-version').replace(/^.*:/, ''),
    arm: read('x-plinth-arm'),
  };
}

async function send(client: OpenAI, options: LoadOptions, count: number): Promise<{ response: Response; usage?: Told }> {
  const { model, kind, maxTokens = 16, headers } = options;
  const words = `${WISHES[count % WISHES.length]} ${SUBJECTS[count % SUBJECTS.length]}.`;
  const more = headers === undefined ? {} : { headers: headers(count) };
  if (kind === 'embed') {
    const { response, data } = await client.embeddings.create({ model, input: `${words} ${count}` }, more).withResponse();
    return { response, usage: data.usage as Told };
  }
  const body = { model, messages: [{ role: 'user' as const, content: words }], max_tokens: maxTokens, seed: count };
  if (kind === 'chat') {
    const { response, data } = await client.chat.completions.create(body, more).withResponse();
    return { response, usage: data.usage as Told };
  }
  const { response, data } = await client.chat.completions
    .create({ ...body, stream: true, stream_options: { include_usage: true } }, more)
    .withResponse();
  let usage: Told | undefined;
  for await (const chunk of data) if (chunk.usage) usage = chunk.usage as Told;
  return { response, ...(usage !== undefined && { usage }) };
}
