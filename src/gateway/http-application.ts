import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import type { Config } from '../core/config/index.ts';
import type { ErrorFacts } from '../core/errors/index.ts';
import type { KeyVerifier, SnapshotSource } from '../core/messages/index.ts';
import type { Logger, Metrics } from '../core/telemetry/index.ts';
import { callOf, findCall, generateRequestId, guardRequests, HttpCall, type Admission } from './access/index.ts';
import { createReportRequest } from './observing/index.ts';
import type { Pipeline } from './pipeline.ts';
import { formatOpenAiError, httpErrorFacts, registerOpenAi } from './protocols/index.ts';
import type { RequestRecord } from './stage.ts';

export interface ApplicationOptions {
  readonly config: Config;
  readonly snapshots: SnapshotSource;
  readonly keys: KeyVerifier;
  readonly metrics: Metrics;
  readonly logger: Logger;
  readonly admission: Admission;
  readonly pipeline: Pipeline;
  readonly isReady: () => boolean;
}

const LIVE_PATH = '/livez';
const READY_PATH = '/readyz';

/** Every path of the inference port, behind the checks of access, with errors in OpenAI's shape. */
export async function createApplication(options: ApplicationOptions): Promise<FastifyInstance> {
  const { limits, security, tls } = options.config;
  const app = Fastify({
    logger: false,
    genReqId: generateRequestId,
    bodyLimit: limits.bodyBytes,
    requestTimeout: 0,
    return503OnClosing: false,
  });
  const routes = rememberRoutes(app);
  answerErrors(app, options);
  app.setNotFoundHandler((request, reply) => refuseUnknown(request, reply, routes));
  guardRequests(app, {
    keys: options.keys,
    admission: options.admission,
    scheme: tls.certFile === undefined ? 'http' : 'https',
    allowedHosts: [...security.allowedHosts, options.config.host],
    corsOrigins: security.corsOrigins,
    headerCount: limits.headerCount,
    requestTimeoutMs: limits.requestTimeoutMs,
    openPaths: new Set([LIVE_PATH, READY_PATH]),
    onFinished: createReporter(options),
  });
  registerProbes(app, options.isReady);
  registerOpenAi(app, createDoor(options), { ...limits, callOf });
  await app.ready();
  return app;
}

function createDoor({ pipeline, snapshots }: ApplicationOptions): Parameters<typeof registerOpenAi>[1] {
  return {
    infer: (request, call) =>
      pipeline.infer(request, call instanceof HttpCall ? call : { ...call, record: { startedMs: performance.now(), deltas: 0 } }),
    models: () => snapshots.current().models,
  };
}

/** Public, so they say one word and nothing more. */
function registerProbes(app: FastifyInstance, isReady: () => boolean): void {
  app.get(LIVE_PATH, (_request, reply) => reply.type('text/plain').send('ok\n'));
  app.get(READY_PATH, (_request, reply) => {
    const isOk = isReady();
    return reply
      .code(isOk ? 200 : 503)
      .type('text/plain')
      .send(isOk ? 'ok\n' : 'unavailable\n');
  });
}

function answerErrors(app: FastifyInstance, { metrics, logger }: ApplicationOptions): void {
  app.setErrorHandler((error, request, reply) => {
    const facts = httpErrorFacts(error);
    if (facts.code === 'internal_error') logger.error({ id: request.id, ...withoutMessage(error) }, 'internal error');
    noteFailure(metrics, facts, findCall(request)?.record);
    return sendError(reply, facts);
  });
}

/** The stages have counted their own refusals; what they have not seen was refused here, before any work. */
function noteFailure(metrics: Metrics, facts: ErrorFacts, record: RequestRecord | undefined): void {
  if (record?.failure !== undefined) return;
  if (record !== undefined) record.failure = facts.code;
  if (facts.code !== 'internal_error' && facts.code !== 'cancelled') metrics.refusals.inc({ reason: facts.code });
}

function sendError(reply: FastifyReply, facts: ErrorFacts): FastifyReply {
  const { status, headers, body } = formatOpenAiError(facts);
  if (facts.code === 'draining') reply.header('connection', 'close');
  return reply.code(status).headers(headers).send(body);
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
    const pattern = new RegExp(`^${route.url.replaceAll(/[.+]/g, '\\$&').replaceAll(/:[^/]+|\*/g, '[^/]+')}$`);
    routes.push({ methods: [route.method].flat(), pattern });
  });
  return routes;
}

const LONGEST_SHOWN_PATH = 100;

function refuseUnknown(request: FastifyRequest, reply: FastifyReply, routes: readonly KnownRoute[]): FastifyReply {
  const path = request.url.split('?', 1)[0] ?? '';
  const allowed = [...new Set(routes.filter((route) => route.pattern.test(path)).flatMap((route) => route.methods))];
  const shown = `${request.method} ${path.length > LONGEST_SHOWN_PATH ? `${path.slice(0, LONGEST_SHOWN_PATH)}…` : path}`;
  if (allowed.length === 0) return sendError(reply, { code: 'not_found', message: `Unknown request URL: ${shown}.` });
  reply.header('allow', allowed.join(', '));
  return sendError(reply, { code: 'method_not_allowed', message: `${shown} is not possible. Allowed: ${allowed.join(', ')}.` });
}

function createReporter({ metrics, logger }: ApplicationOptions): (request: FastifyRequest, reply: FastifyReply) => void {
  const report = createReportRequest(metrics, logger);
  return (request, reply) => {
    const { requestId, principal, record } = callOf(request);
    report({
      requestId,
      keyId: principal.keyId,
      method: request.method,
      endpoint: request.routeOptions.url ?? '',
      status: reply.raw.statusCode,
      isComplete: reply.raw.writableFinished,
      record,
    });
  };
}
