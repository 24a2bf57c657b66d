import { randomUUID } from 'node:crypto';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { PlinthError } from '../../../core/errors/index.ts';
import type { GenerateRequest } from '../../../core/inference/index.ts';
import type { RoutedModel } from '../../../core/messages/index.ts';
import type { Capability } from '../../../core/models/index.ts';
import { foldEvents, readJsonOnly, streamEvents } from '../http/index.ts';
import { answererOf, answeringModel, traitsOf } from '../answerer.ts';
import type { Call, Chosen, InferenceDoor, ProtocolOptions } from '../inference-door.ts';
import { ChatAnswer } from './chat-answer.ts';
import { checkChatBody, parseChat, type ChatBody } from './chat-request.ts';
import { usesFunctions } from './chat-tools.ts';
import { CompletionAnswer } from './completion-answer.ts';
import { checkCompletionBody, parseCompletion, type CompletionBody } from './completion-request.ts';
import { checkEmbeddingBody, EmbeddingAnswer, parseEmbedding } from './embeddings.ts';
import { invalidField, parseIncludesUsage, type Arrival, type GenerationBody } from './generation-fields.ts';
import { fingerprintOf, formatModel, formatModelList, requireCapability } from './models.ts';
import { JSON_TYPE, type AnswerFormat, type AnswerHead } from './wire-shapes.ts';

/** One HTTP request at an endpoint. */
interface Visit {
  readonly door: InferenceDoor;
  readonly options: ProtocolOptions;
  readonly call: Call;
  /** Parsed JSON, unchecked. */
  readonly body: unknown;
  readonly reply: FastifyReply;
}

/** What tells one generating endpoint from another. */
interface GenerationEndpoint<B extends GenerationBody> {
  readonly idPrefix: string;
  readonly capability: Capability;
  readonly check: (body: unknown) => B;
  readonly parse: (body: B, arrival: Arrival) => GenerateRequest;
  /** What the caller calls the conversation, or itself, where it does. */
  readonly conversation: (body: B) => string | null | undefined;
  readonly format: (body: B, options: FormatOptions) => AnswerFormat;
}

interface FormatOptions {
  readonly head: AnswerHead;
  readonly choiceCount: number;
  readonly includesUsage: boolean;
}

const chatEndpoint: GenerationEndpoint<ChatBody> = {
  idPrefix: 'chatcmpl-',
  capability: 'chat',
  check: checkChatBody,
  parse: parseChat,
  conversation: (body) => body.prompt_cache_key ?? body.user,
  format: (body, options) => new ChatAnswer({ ...options, usesFunctions: usesFunctions(body) }),
};

const completionEndpoint: GenerationEndpoint<CompletionBody> = {
  idPrefix: 'cmpl-',
  capability: 'completion',
  check: checkCompletionBody,
  parse: parseCompletion,
  conversation: (body) => body.user,
  format: (_body, options) => new CompletionAnswer(options),
};

/**
 * Puts the OpenAI endpoints on an application: chat completions, completions, embeddings, models. The application authenticates, puts
 * `x-request-id` on every reply and formats what is thrown here (`httpErrorFacts`, then `formatOpenAiError`).
 */
export function registerOpenAi(app: FastifyInstance, door: InferenceDoor, options: ProtocolOptions): void {
  app.register((scope, _, done) => {
    readJsonOnly(scope, options.bodyDepth);
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
    reply,
  });
  scope.post('/v1/chat/completions', (request, reply) => answerGeneration(visitOf(request, reply), chatEndpoint));
  scope.post('/v1/completions', (request, reply) => answerGeneration(visitOf(request, reply), completionEndpoint));
  scope.post('/v1/embeddings', (request, reply) => answerEmbeddings(visitOf(request, reply)));
}

function addModels(scope: FastifyInstance, door: InferenceDoor, options: ProtocolOptions): void {
  scope.get<{ Querystring: { versions?: string } }>('/v1/models', (request, reply) => {
    const models = door.models(options.callOf(request));
    const shows = request.query.versions === 'true' ? 'versions' : 'names';
    return reply.type(JSON_TYPE).send(formatModelList({ models, shows, aliases: (model) => door.aliases(model) }));
  });
  // A wildcard, because ids contain slashes, escaped or not.
  scope.get<{ Params: { '*': string } }>('/v1/models/*', (request, reply) => {
    const name = request.params['*'];
    const { model } = door.choose({ name, kind: 'generate' }, options.callOf(request));
    return reply.type(JSON_TYPE).send(formatModel(model, name));
  });
}

/** Returns the body, or nothing when the answer was streamed or nobody waits for it. Throws what becomes an HTTP error. */
async function answerGeneration<B extends GenerationBody>(
  visit: Visit,
  endpoint: GenerationEndpoint<B>,
): Promise<string | undefined> {
  const { door, call, reply, options } = visit;
  const body = endpoint.check(requireBody(visit.body));
  const includesUsage = parseIncludesUsage(body);
  const parsed = once(() => endpoint.parse(body, arrivalOf(call)));
  const traits = traitsOf(parsed, endpoint.conversation(body));
  const chosen = door.choose({ name: body.model, kind: 'generate', ...traits }, call);
  const { model } = chosen;
  requireCapability(model, endpoint.capability, 'model');
  const request = parsed();
  if (request.prompts.some((prompt) => prompt.type === 'text' && prompt.suffix !== undefined))
    requireCapability(model, 'infill', 'suffix');
  const choiceCount = request.prompts.length * request.choiceCount;
  const answer = endpoint.format(body, { head: new OpenHead(endpoint.idPrefix, visit, chosen), choiceCount, includesUsage });
  const events = door.infer(request, body.stream === true ? call : { ...call, isFolded: true });
  if (body.stream === true) {
    const { heartbeatMs, stalledReaderMs } = options;
    await streamEvents({ events, format: (event) => answer.toChunks(event), reply, heartbeatMs, stalledReaderMs });
    return undefined;
  }
  const isAwaited = await foldEvents(events, reply.raw, (event) => answer.take(event));
  return isAwaited ? sendable(reply, answer.toBody()) : abandon(reply);
}

/** As {@link answerGeneration}, for embeddings. */
async function answerEmbeddings(visit: Visit): Promise<string | undefined> {
  const { door, call, reply } = visit;
  const body = checkEmbeddingBody(requireBody(visit.body));
  const parsed = once(() => parseEmbedding(body, arrivalOf(call)));
  const chosen = door.choose({ name: body.model, kind: 'embed', ...traitsOf(parsed, body.user) }, call);
  requireCapability(chosen.model, 'embed', 'model');
  requireDimensions(chosen.model, body.dimensions);
  const request = parsed();
  const answer = new EmbeddingAnswer(body, request.inputs.length, new OpenHead('', visit, chosen));
  const isAwaited = await foldEvents(door.infer(request, { ...call, isFolded: true }), reply.raw, (event) => answer.take(event));
  return isAwaited ? sendable(reply, answer.toBody()) : abandon(reply);
}

function requireBody(body: unknown): unknown {
  if (body !== undefined) return body;
  throw new PlinthError({ code: 'invalid_json', message: 'The body is empty; a JSON object was expected.' });
}

function requireDimensions(model: RoutedModel, dimensions: number | null | undefined): void {
  const most = model.facts?.embeddingDimensions ?? Number.POSITIVE_INFINITY;
  if (typeof dimensions !== 'number' || dimensions <= most) return;
  throw invalidField('dimensions', `'dimensions' must be at most ${most} for the model '${model.name}', but ${dimensions} came.`);
}

function arrivalOf(call: Call): Arrival {
  return { requestId: call.requestId, timeLeftMs: Math.max(0, Math.round(call.deadlineMs - performance.now())) };
}

/** A request is read once, whoever asks for it first. */
function once<T>(read: () => T): () => T {
  let known: { readonly value: T } | undefined;
  return () => (known ??= { value: read() }).value;
}

/** Who answers may change until the first word of the answer is there. */
class OpenHead implements AnswerHead {
  readonly id: string;
  readonly created = Math.floor(Date.now() / 1000);
  readonly #visit: Visit;
  readonly #chosen: Chosen;

  constructor(prefix: string, visit: Visit, chosen: Chosen) {
    this.id = prefix + randomUUID().replaceAll('-', '');
    this.#visit = visit;
    this.#chosen = chosen;
  }

  get model(): string {
    return answererOf(this.#visit.call, this.#chosen).model;
  }

  get version(): string {
    return answererOf(this.#visit.call, this.#chosen).version;
  }

  get arm(): string | undefined {
    return answererOf(this.#visit.call, this.#chosen).arm;
  }

  get fingerprint(): string {
    return fingerprintOf(answeringModel(this.#visit.door, this.#visit.call, this.#chosen));
  }
}

function sendable(reply: FastifyReply, body: string): string {
  reply.header('content-type', JSON_TYPE);
  return body;
}

/** The client has gone: no answer is written. */
function abandon(reply: FastifyReply): undefined {
  reply.hijack();
  return undefined;
}
