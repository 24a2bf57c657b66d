import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import type { Config } from '../core/config/index.ts';
import type { KeyVerifier } from '../core/messages/index.ts';
import type { Logger, Metrics } from '../core/telemetry/index.ts';
import { callOf, generateRequestId, guardRequests, type Admission } from './access/index.ts';
import { answerErrors, answerUnreadablePath } from './answer-errors.ts';
import { createReportRequest, type ReceiptBookRing } from './observing/index.ts';
import {
  OPEN_INFERENCE_PROBES,
  registerAudio,
  registerFeedback,
  registerOpenAi,
  registerOpenInference,
  registerRanking,
  registerVision,
  type InferenceDoor,
  type OpenInference,
} from './protocols/index.ts';

export interface ApplicationOptions {
  readonly config: Config;
  readonly keys: KeyVerifier;
  readonly metrics: Metrics;
  readonly logger: Logger;
  readonly admission: Admission;
  readonly door: InferenceDoor;
  readonly openInference: OpenInference;
  readonly isReady: () => boolean;
  readonly receipts: ReceiptBookRing;
}

const LIVE_PATH = '/livez';
const READY_PATH = '/readyz';
/** Tensors of a picture in floats do not fit into the body of a conversation. */
const TENSOR_BODY_BYTES = 64 * 1024 * 1024;

/** Every path of the inference port, behind the checks of access, with errors in the shape of each path's protocol. */
export async function createApplication(options: ApplicationOptions): Promise<FastifyInstance> {
  const { limits, security, tls } = options.config;
  const app = Fastify({
    logger: false,
    genReqId: generateRequestId,
    bodyLimit: limits.bodyBytes,
    // Folders of models may have long names; a whole URL has the limit of the headers.
    routerOptions: { maxParamLength: limits.headerBytes },
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
    openPaths: new Set<string>([LIVE_PATH, READY_PATH, ...OPEN_INFERENCE_PROBES]),
    onFinished: createReporter(options),
  });
  registerProbes(app, options.isReady);
  const shared = { ...limits, callOf };
  registerOpenAi(app, options.door, shared);
  registerRanking(app, options.door, shared);
  registerAudio(app, options.door, shared);
  registerVision(app, options.door, shared);
  registerFeedback(app, options.door, shared);
  registerOpenInference(app, options.openInference, {
    ...shared,
    tensorBodyBytes: Math.max(TENSOR_BODY_BYTES, limits.bodyBytes),
  });
  await app.ready();
  return app;
}

/** A wildcard address is nobody's name. */
function ownNames(host: string): readonly string[] {
  return host === '0.0.0.0' || host === '::' ? [] : [host];
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

function createReporter(options: ApplicationOptions): (request: FastifyRequest, reply: FastifyReply) => void {
  const report = createReportRequest(options);
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
