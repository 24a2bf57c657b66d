import type { FastifyInstance, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { PlinthError } from '../../core/errors/index.ts';
import type { ExperimentEngine } from './experiment-engine.ts';

/** What the routes of experiments stand on beside the engine. */
export interface ExperimentRouteOptions {
  /** Who asks. */
  readonly actorOf: (request: FastifyRequest) => string;
}

const startForm = z.looseObject({ model: z.string().min(1).max(128) });
const stopForm = z.strictObject({
  reason: z
    .string()
    .min(1)
    .max(500)
    .regex(/^\P{Cc}*$/u, 'expected no control characters')
    .default('it was stopped'),
});
const listForm = z.object({ model: z.string().min(1).max(128).optional() });
const pageForm = z.object({
  after: z.coerce.number().int().min(0).default(0),
  most: z.coerce.number().int().min(1).max(10_000).default(1_000),
});
const NDJSON = 'application/x-ndjson';

/**
 * Experiments on the management port: `POST /plinth/v1/experiments` with `model` and the fields of a plan, `GET …/experiments?model=`,
 * `GET …/experiments/{id}`, `POST …/experiments/{id}/stop`, and `GET …/experiments/{id}/assignments?after=&most=` as JSON with `next`, or
 * line by line where `accept` asks for application/x-ndjson.
 */
export function registerExperimentRoutes(
  app: FastifyInstance,
  engine: ExperimentEngine,
  { actorOf }: ExperimentRouteOptions,
): void {
  app.post('/plinth/v1/experiments', async (request, reply) => {
    const { model, ...plan } = read(startForm, request.body, 'The body');
    return reply.code(201).send(await engine.start({ model, plan }, actorOf(request)));
  });
  app.get('/plinth/v1/experiments', (request) => listExperiments(engine, request.query));
  app.get<{ Params: { id: string } }>('/plinth/v1/experiments/:id', (request) => engine.status(request.params.id));
  app.post<{ Params: { id: string } }>('/plinth/v1/experiments/:id/stop', (request) => {
    const { reason } = read(stopForm, request.body ?? {}, 'The body');
    return engine.stop(request.params.id, { actor: actorOf(request), reason });
  });
  app.get<{ Params: { id: string } }>('/plinth/v1/experiments/:id/assignments', async (request, reply) => {
    const range = read(pageForm, request.query, 'The query');
    const assignments = await engine.assignments(request.params.id, range);
    if (request.headers.accept?.includes(NDJSON) === true)
      return reply.type(NDJSON).send(assignments.map((one) => `${JSON.stringify(one)}\n`).join(''));
    const next = assignments.length < range.most ? undefined : assignments.at(-1)?.row;
    return { assignments, ...(next === undefined ? {} : { next }) };
  });
}

async function listExperiments(engine: ExperimentEngine, query: unknown): Promise<object> {
  const { model } = read(listForm, query, 'The query');
  return { experiments: await engine.list(model) };
}

function read<Form extends z.ZodType>(form: Form, value: unknown, subject: string): z.output<Form> {
  const parsed = form.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const param = issue?.path.join('.') ?? '';
  throw new PlinthError({
    code: 'invalid_request',
    message: `${subject}: ${param === '' ? '' : `${param}: `}${issue?.message ?? 'not as expected'}.`,
    ...(param === '' ? {} : { param }),
  });
}
