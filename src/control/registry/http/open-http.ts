import { Agent as HttpAgent, get as getHttp, type IncomingMessage, type OutgoingHttpHeaders } from 'node:http';
import { Agent as HttpsAgent, get as getHttps } from 'node:https';
import { isIP } from 'node:net';

const CONNECT_TIMEOUT_MS = 10_000;
const ANSWER_TIMEOUT_MS = 30_000;
const SILENCE_TIMEOUT_MS = 30_000;
const MAX_REDIRECTS = 8;

/** A GET, and what it may use. */
export interface HttpQuestion {
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  /** Sent to the first origin only: a redirect to another host or port never sees it. */
  readonly authorization?: string;
  /** Where HTTPS_PROXY, HTTP_PROXY and NO_PROXY are read. */
  readonly environment: NodeJS.ProcessEnv;
  readonly signal: AbortSignal;
}

/** What came of a question. */
export interface HttpAnswer {
  /** The last answer of the chain; its body has not been read. */
  readonly response: IncomingMessage;
  /** Headers of the first answer, which a hub uses to describe the file before it redirects. */
  readonly firstHeaders: IncomingMessage['headers'];
}

/**
 * Sends a GET and follows redirects by hand. Waits 10 s for a connection, 30 s for an answer and 30 s for each next byte. Refuses to go
 * from https to http, except to this machine. Errors carry no query strings: those of signed URLs are secrets.
 */
export async function openHttp(question: HttpQuestion): Promise<HttpAnswer> {
  let url = question.url;
  let firstHeaders: IncomingMessage['headers'] | undefined;
  for (let hops = 0; hops <= MAX_REDIRECTS; hops++) {
    const isFirstOrigin = url.origin === question.url.origin;
    const secret = isFirstOrigin && question.authorization !== undefined ? { authorization: question.authorization } : {};
    const response = await ask(url, { ...question.headers, ...secret }, question);
    firstHeaders ??= response.headers;
    const location = response.headers.location;
    if (!isRedirect(response.statusCode) || location === undefined) return { response, firstHeaders };
    response.destroy();
    url = nextUrl(url, location);
  }
  throw new Error(`${question.url.host} redirects more than ${MAX_REDIRECTS} times`);
}

function isRedirect(status: number | undefined): boolean {
  return status === 301 || status === 302 || status === 303 || status === 307 || status === 308;
}

function nextUrl(from: URL, location: string): URL {
  if (!URL.canParse(location, from.href)) throw new Error(`${from.host} redirects to something that is no URL`);
  const url = new URL(location, from);
  const isKept =
    url.protocol === 'https:' || (url.protocol === 'http:' && (from.protocol === 'http:' || isLoopback(url.hostname)));
  if (!isKept) throw new Error(`${from.host} redirects to ${url.protocol}//${url.host}, which is not encrypted`);
  return url;
}

function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || (isIP(hostname) === 4 && hostname.startsWith('127.'));
}

function ask(url: URL, headers: OutgoingHttpHeaders, { environment, signal }: HttpQuestion): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const options = { headers, signal };
    const agentOptions = { proxyEnv: environment };
    const request =
      url.protocol === 'https:'
        ? getHttps(url, { ...options, agent: new HttpsAgent(agentOptions) })
        : getHttp(url, { ...options, agent: new HttpAgent(agentOptions) });
    const fail = (what: string, milliseconds: number) =>
      request.destroy(new Error(`${url.host} ${what} within ${milliseconds / 1000} s`));
    const connectTimer = setTimeout(() => fail('took no connection', CONNECT_TIMEOUT_MS), CONNECT_TIMEOUT_MS);
    const answerTimer = setTimeout(() => fail('gave no answer', ANSWER_TIMEOUT_MS), ANSWER_TIMEOUT_MS);
    request.once('socket', (socket) => {
      if (!socket.connecting) clearTimeout(connectTimer);
      else socket.once('connect', () => clearTimeout(connectTimer));
    });
    request.once('response', (response) => {
      clearTimeout(answerTimer);
      response.setTimeout(SILENCE_TIMEOUT_MS, () =>
        response.destroy(new Error(`${url.host} sent nothing for ${SILENCE_TIMEOUT_MS / 1000} s`)),
      );
      resolve(response);
    });
    request.once('error', reject);
    request.once('close', () => {
      clearTimeout(connectTimer);
      clearTimeout(answerTimer);
    });
  });
}
