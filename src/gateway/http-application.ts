import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import type { Config } from '../core/config/index.ts';
import type { KeyVerifier, SnapshotSource } from '../core/messages/index.ts';
import type { Logger, Metrics } from '../core/telemetry/index.ts';
import { callOf, generateRequestId, guardRequests, type Admission } from './access/index.ts';
import { answerErrors, answerUnreadablePath } from './answer-errors.ts';
import { createReportRequest } from './observing/index.ts';
import type { Pipeline } from './pipeline.ts';
import { registerOpenAi, type Call, type InferenceDoor } from './protocols/index.ts';
import type { StageCall } from './stage.ts';

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
    frameworkErrors: (_error, request, reply) => answerUnreadablePath(options.metrics, request, reply),
  });
  answerErrors(app, options);
  guardRequests(app, {
    keys: options.keys,
    admission: options.admission,
    scheme: tls.certFile === undefined ? 'http' : 'https',
    allowedHosts: [...security.allowedHosts, ...ownNames(options.config.host)],
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

/** A wildcard address is nobody's name. */
function ownNames(host: string): readonly string[] {
  return host === '0.0.0.0' || host === '::' ? [] : [host];
}

function createDoor({ pipeline, snapshots }: ApplicationOptions): InferenceDoor {
  return {
    infer: (request, call) =>
      pipeline.infer(request, hasRecord(call) ? call : { ...call, record: { startedMs: performance.now(), deltas: 0 } }),
    models: () => snapshots.current().models,
  };
}

/** Calls of HTTP requests, and copies of them, bring the record that their log line is written from. */
function hasRecord(call: Call): call is StageCall {
  return 'record' in call;
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
