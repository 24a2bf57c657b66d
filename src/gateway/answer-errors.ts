import type { IncomingMessage, ServerResponse } from 'node:http';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { ErrorFacts } from '../core/errors/index.ts';
import type { Logger, Metrics } from '../core/telemetry/index.ts';
import { findCall } from './access/index.ts';
import { formatErrorOf, httpErrorFacts, isOpenInferencePath } from './protocols/index.ts';
import type { RequestRecord } from './stage.ts';

/** Gives everything that is thrown on the way, and every unknown path, an answer in the shape of the path's protocol. Call it before routes are added. */
export function answerErrors(app: FastifyInstance, { metrics, logger }: { metrics: Metrics; logger: Logger }): void {
  const routes = rememberRoutes(app);
  app.setNotFoundHandler((request, reply) => refuseUnknown(request, reply, routes));
  app.setErrorHandler((error, request, reply) => {
    const facts = httpErrorFacts(error);
    if (facts.code === 'internal_error') logger.error({ id: request.id, ...withoutMessage(error) }, 'internal error');
    noteFailure(metrics, facts, findCall(request)?.record);
    return sendError(request, reply, facts);
  });
}

/**
 * Answers a request that no route and no check ever saw because its path cannot be decoded. For Fastify's `frameworkErrors`.
 * Whose request it is does not matter: the answer tells nothing.
 */
export function answerUnreadablePath(metrics: Metrics, request: FastifyRequest, reply: FastifyReply): void {
  const facts: ErrorFacts = { code: 'invalid_request', message: 'The path of the URL is not validly percent-encoded.' };
  noteFailure(metrics, facts, undefined);
  reply.header('x-request-id', request.id);
  sendError(request, reply, facts);
}

/** The stages have counted their own refusals; what they have not seen was refused here, before any work. */
function noteFailure(metrics: Metrics, facts: ErrorFacts, record: RequestRecord | undefined): void {
  if (record?.failure !== undefined) return;
  if (record !== undefined) record.failure = facts.code;
  if (facts.code !== 'internal_error' && facts.code !== 'cancelled') metrics.refusals.inc({ reason: facts.code });
}

function sendError(request: FastifyRequest, reply: FastifyReply, facts: ErrorFacts): FastifyReply {
  const { status, headers, body } = formatErrorOf(pathOf(request), facts);
  if (facts.code === 'draining') reply.header('connection', 'close');
  else if (hasBoundedBody(request.raw)) {
    reply.removeHeader('connection');
    if (!request.raw.complete) readOn(request.raw, reply.raw);
  }
  // Fastify would add a charset to the type of a text, and some clients compare the type as a whole.
  return reply.code(status).headers(headers).send(Buffer.from(body, 'utf8'));
}

function hasBoundedBody(request: IncomingMessage): boolean {
  return request.headers['transfer-encoding'] === undefined;
}

const READ_ON_MS = 5000;

/**
 * A connection that is closed while its request is still arriving is reset, and the client never sees why it was refused. So the
 * rest of a body of known length is read, and dropped, for a while.
 */
function readOn(request: IncomingMessage, response: ServerResponse): void {
  response.once('finish', () => {
    const timer = setTimeout(() => request.destroy(), READ_ON_MS);
    request.once('close', () => clearTimeout(timer));
    request.once('end', () => clearTimeout(timer));
  });
}

/** A defect's name and place; its message may quote what a caller sent. */
function withoutMessage(error: unknown): { readonly error: string; readonly at: readonly string[] } {
  if (!(error instanceof Error)) return { error: typeof error, at: [] };
  const frames = (error.stack ?? '').split('\n').filter((line) => line.startsWith('    at '));
  return { error: error.name, at: frames.slice(0, 8).map((line) => line.trim()) };
}

interface KnownRoute {
  readonly methods: readonly string[];
  readonly pattern: RegExp;
}

function rememberRoutes(app: FastifyInstance): readonly KnownRoute[] {
  const routes: KnownRoute[] = [];
  app.addHook('onRoute', (route) => {
    const pattern = route.url
      .replaceAll(/[.+]/g, String.raw`\$&`)
      .replaceAll('*', '.+')
      .replaceAll(/:[^/]+/g, '[^/]+');
    routes.push({ methods: [route.method].flat(), pattern: new RegExp(`^${pattern}$`) });
  });
  return routes;
}

const LONGEST_SHOWN_PATH = 100;

function refuseUnknown(request: FastifyRequest, reply: FastifyReply, routes: readonly KnownRoute[]): FastifyReply {
  const path = pathOf(request);
  const allowed = [...new Set(routes.filter((route) => route.pattern.test(path)).flatMap((route) => route.methods))];
  const shown = `${request.method} ${path.length > LONGEST_SHOWN_PATH ? `${path.slice(0, LONGEST_SHOWN_PATH)}…` : path}`;
  const isTerse = isOpenInferencePath(path);
  if (allowed.length === 0) {
    const message = isTerse ? 'Not Found' : `Unknown request URL: ${shown}.`;
    return sendError(request, reply, { code: 'not_found', message });
  }
  reply.header('allow', allowed.join(', '));
  const message = isTerse ? 'Method Not Allowed' : `${shown} is not possible. Allowed: ${allowed.join(', ')}.`;
  return sendError(request, reply, { code: 'method_not_allowed', message });
}

function pathOf(request: FastifyRequest): string {
  return request.url.split('?', 1)[0] ?? '';
}
