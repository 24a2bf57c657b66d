import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { PlinthError } from '../../../core/errors/index.ts';
import { hasForeignCharset, httpErrorFacts, parseJsonBody } from '../http/index.ts';
import type { InferenceDoor, ProtocolOptions } from '../inference-door.ts';
import { answerEmbeddings, answerGeneration, chatEndpoint, completionEndpoint, type Visit } from './endpoints.ts';
import { findModel, formatModel, formatModelList } from './models.ts';
import { formatOpenAiError, JSON_TYPE } from './wire-shapes.ts';

/**
 * Puts the OpenAI endpoints on an application: chat completions, completions, embeddings, models. The application authenticates and puts
 * `x-request-id` on its replies before; bodies are read and errors are formatted here.
 */
export function registerOpenAi(app: FastifyInstance, door: InferenceDoor, options: ProtocolOptions): void {
  app.register((scope, _, done) => {
    readJsonOnly(scope, options.bodyDepth);
    scope.setErrorHandler((thrown, _request, reply) => sendError(reply, thrown, app.initialConfig.bodyLimit));
    addInference(scope, door, options);
    addModels(scope, door, options);
    done();
  });
}

function addInference(scope: FastifyInstance, door: InferenceDoor, options: ProtocolOptions): void {
  const visitOf = (request: FastifyRequest, reply: FastifyReply): Visit => ({
    door,
    options,
    call: options.callOf(request),
    body: request.body,
    reply: reply.header('content-type', JSON_TYPE),
  });
  scope.post('/v1/chat/completions', (request, reply) => answerGeneration(visitOf(request, reply), chatEndpoint));
  scope.post('/v1/completions', (request, reply) => answerGeneration(visitOf(request, reply), completionEndpoint));
  scope.post('/v1/embeddings', (request, reply) => answerEmbeddings(visitOf(request, reply)));
}

function addModels(scope: FastifyInstance, door: InferenceDoor, options: ProtocolOptions): void {
  scope.get('/v1/models', (request, reply) => reply.type(JSON_TYPE).send(formatModelList(door.models(options.callOf(request)))));
  // A wildcard, because ids contain slashes, escaped or not.
  scope.get<{ Params: { '*': string } }>('/v1/models/*', (request, reply) => {
    const model = findModel(door.models(options.callOf(request)), request.params['*']);
    return reply.type(JSON_TYPE).send(formatModel(model));
  });
}

function readJsonOnly(scope: FastifyInstance, bodyDepth: number): void {
  scope.removeAllContentTypeParsers();
  scope.addContentTypeParser('application/json', { parseAs: 'buffer' }, (request, body, done) => {
    const contentType = request.headers['content-type'] ?? '';
    if (hasForeignCharset(contentType)) throw wrongType(contentType);
    done(null, parseJsonBody(Buffer.isBuffer(body) ? body : Buffer.from(body), bodyDepth));
  });
  scope.addContentTypeParser('*', (request, _payload, done) => done(wrongType(request.headers['content-type'])));
}

function wrongType(contentType: string | undefined): PlinthError {
  const came = contentType === undefined ? 'none' : `'${contentType.slice(0, 100)}'`;
  return new PlinthError({
    code: 'unsupported_media_type',
    message: `The content type must be application/json in UTF-8, but ${came} came.`,
  });
}

function sendError(reply: FastifyReply, thrown: unknown, bodyLimit: number | undefined): void {
  const facts = httpErrorFacts(thrown);
  const isTooLarge = facts.code === 'body_too_large' && bodyLimit !== undefined;
  const answer = formatOpenAiError(isTooLarge ? { ...facts, message: `The body must have at most ${bodyLimit} bytes.` } : facts);
  void reply.code(answer.status).headers(answer.headers).send(answer.body);
}
