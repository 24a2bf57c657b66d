import type { FastifyError, FastifyInstance, FastifyRequest, HTTPMethods } from 'fastify';
import { errorFactsOf, errorTable, PlinthError, type ErrorFacts } from '../../core/errors/index.ts';
import type { Logger } from '../../core/telemetry/index.ts';

const METHODS: readonly HTTPMethods[] = ['GET', 'POST'];

/** Every failure leaves as `{ "error": { "code", "message" } }` with the status of the error table. */
export function answerErrors(app: FastifyInstance, logger: Logger): void {
  app.setErrorHandler((error: FastifyError | PlinthError, request, reply) => {
    const facts = factsOf(error);
    const { status } = errorTable[facts.code];
    if (status >= 500) logger.error({ err: error, path: request.routeOptions.url }, 'management request failed');
    if (status === 401) reply.header('www-authenticate', 'Bearer');
    return reply.code(status).send({ error: { code: facts.code, message: facts.message } });
  });
  app.setNotFoundHandler((request, reply) => {
    const allowed = METHODS.filter((method) => app.hasRoute({ url: pathOf(request), method }));
    if (allowed.length === 0) throw new PlinthError({ code: 'not_found', message: `There is nothing at ${pathOf(request)}.` });
    reply.header('allow', allowed.join(', '));
    throw new PlinthError({
      code: 'method_not_allowed',
      message: `${pathOf(request)} takes ${allowed.join(', ')}, not ${request.method}.`,
    });
  });
}

function pathOf(request: FastifyRequest): string {
  return request.url.split('?', 1)[0] ?? request.url;
}

/** Fastify's own refusals carry a status of 4xx and words that are fit for the caller. */
function factsOf(error: FastifyError | PlinthError): ErrorFacts {
  if (error instanceof PlinthError || error.statusCode === undefined || error.statusCode >= 500) return errorFactsOf(error);
  return { code: error.statusCode === 413 ? 'body_too_large' : 'invalid_request', message: error.message };
}
