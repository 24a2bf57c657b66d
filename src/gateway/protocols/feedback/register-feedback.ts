import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { PlinthError } from '../../../core/errors/index.ts';
import { compileWireSchema, readJsonOnly } from '../http/index.ts';
import type { InferenceDoor, ProtocolOptions } from '../inference-door.ts';

const feedbackSchema = z.looseObject({
  request_id: z
    .string()
    .regex(/^[\w.-]{1,128}$/)
    .describe("1 to 128 letters, digits, '_', '.' or '-', as x-request-id said"),
  score: z.union([z.number().min(0).max(1), z.boolean()]).optional(),
  rating: z.enum(['up', 'down']).optional(),
  metric: z
    .string()
    .regex(/^[A-Za-z][A-Za-z0-9_.-]{0,63}$/)
    .describe("1 to 64 letters, digits, '_', '.' or '-', beginning with a letter")
    .optional(),
});
type FeedbackBody = z.infer<typeof feedbackSchema>;

const FIELDS = Object.keys(feedbackSchema.shape);
const LONGEST_SHOWN = 64;
/** Where a caller has one opinion only. */
const DEFAULT_METRIC = 'rating';

/** Throws `invalid_request` with `param`. */
const checkFields: (body: unknown) => FeedbackBody = compileWireSchema(feedbackSchema);

/**
 * Puts `POST /v1/feedback` on an application: what a caller thought of an answer, by the `x-request-id` that came with it. `score` from 0
 * to 1 or true/false, or `rating` up/down. Answers 202; 404 for an answer that nobody knows. Errors are in OpenAI's shape. The key that asked
 * for an answer may say what it was worth, and admin keys: what asks and what collects opinions may be two programs. To every other key it is
 * an answer that nobody knows.
 */
export function registerFeedback(app: FastifyInstance, door: InferenceDoor, options: ProtocolOptions): void {
  app.register((scope, _, done) => {
    readJsonOnly(scope, options.bodyDepth);
    scope.post('/v1/feedback', async (request, reply) => {
      const { principal } = options.callOf(request);
      const { request_id: requestId, metric = DEFAULT_METRIC, ...opinion } = checkBody(request.body);
      await note(door, {
        requestId,
        metric,
        score: scoreOf(opinion),
        keyId: principal.keyId,
        role: principal.role,
        at: Date.now(),
      });
      return reply.code(202).send({ status: 'recorded' });
    });
    done();
  });
}

async function note(door: InferenceDoor, feedback: Parameters<InferenceDoor['feedback']>[0]): Promise<void> {
  try {
    await door.feedback(feedback);
  } catch (error) {
    if (!(error instanceof PlinthError) || error.code !== 'not_found') throw error;
    const message =
      `No answer is known by the request id '${feedback.requestId}'. Only answers of models whose versions are compared are known, ` +
      'for as long as they are kept, to the key that asked for them and to admin keys.';
    throw new PlinthError({ code: 'not_found', message, param: 'request_id' }, { cause: error });
  }
}

function checkBody(body: unknown): FeedbackBody {
  if (body === undefined)
    throw new PlinthError({ code: 'invalid_json', message: 'The body is empty; a JSON object was expected.' });
  const checked = checkFields(body);
  const foreign = Object.keys(checked).find((name) => !FIELDS.includes(name));
  if (foreign === undefined) return checked;
  const shown = foreign.slice(0, LONGEST_SHOWN);
  throw invalid(shown, `'${shown}' is no field of feedback; its fields are ${FIELDS.join(', ')}.`);
}

function scoreOf({ score, rating }: Pick<FeedbackBody, 'score' | 'rating'>): number {
  if (score === undefined && rating === undefined)
    throw invalid('score', "Missing required parameter: 'score' (0 to 1, true or false) or 'rating' ('up' or 'down').");
  if (score !== undefined && rating !== undefined) throw invalid('rating', "Either 'score' or 'rating' says it; both came.");
  if (rating !== undefined) return rating === 'up' ? 1 : 0;
  return Number(score);
}

function invalid(param: string, message: string): PlinthError {
  return new PlinthError({ code: 'invalid_request', message, param });
}
