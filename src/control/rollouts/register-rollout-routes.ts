import type { FastifyInstance, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { PlinthError } from '../../core/errors/index.ts';
import { actorOf } from '../management/index.ts';
import { readReason, readStartRequest, type CommandOrder } from './commanding/index.ts';
import type { RolloutDocument } from './describe-rollout.ts';
import type { RolloutEngine } from './rollout-engine.ts';

const MOST_ENTRIES = 1_000;
const wholeNumber = z.coerce.number().int().min(0);
const listSchema = z.strictObject({ model: z.string().min(1).max(200).optional() });
const auditSchema = z.strictObject({
  after: wholeNumber.default(0),
  most: wholeNumber.pipe(z.number().min(1).max(MOST_ENTRIES)).default(100),
});

type NamedRequest = FastifyRequest<{ Params: { name: string } }>;
type Command = (name: string, order: CommandOrder) => Promise<RolloutDocument>;

/**
 * Rollouts and the audit log on the management port. Where a rollout is named, the name of its model will do: then it is the running or the
 * newest one.
 */
export function registerRolloutRoutes(app: FastifyInstance, engine: RolloutEngine): void {
  app.post('/plinth/v1/rollouts', async (request, reply) => {
    const document = await engine.start(readStartRequest(request.body), actorOf(request));
    return reply.code(201).send(document);
  });
  app.get('/plinth/v1/rollouts', (request) => listRollouts(engine, request.query));
  app.get('/plinth/v1/rollouts/:name', (request: NamedRequest) => engine.status(request.params.name));
  app.get('/plinth/v1/rollouts/:name/why', (request: NamedRequest) => engine.why(request.params.name));
  const commands: Readonly<Record<string, Command>> = {
    pause: (name, order) => engine.pause(name, order),
    resume: (name, order) => engine.resume(name, order),
    promote: (name, order) => engine.promote(name, order),
    abort: (name, order) => engine.abort(name, order),
  };
  for (const [verb, command] of Object.entries(commands))
    app.post(`/plinth/v1/rollouts/:name/${verb}`, (request: NamedRequest) =>
      command(request.params.name, { actor: actorOf(request), reason: readReason(request.body) }),
    );
  app.get('/plinth/v1/audit', (request) => listAudit(engine, request.query));
}

async function listRollouts(engine: RolloutEngine, query: unknown): Promise<object> {
  const { model } = readQuery(listSchema, query);
  return { rollouts: await engine.list(model) };
}

async function listAudit(engine: RolloutEngine, query: unknown): Promise<object> {
  return { entries: await engine.audit(readQuery(auditSchema, query)) };
}

function readQuery<S extends z.ZodType>(schema: S, query: unknown): z.output<S> {
  const parsed = schema.safeParse(query);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const param = issue?.code === 'unrecognized_keys' ? (issue.keys[0] ?? '') : String(issue?.path[0] ?? '');
  throw new PlinthError({ code: 'invalid_request', message: `${param}: ${issue?.message ?? 'not as expected'}`, param });
}
