import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { errorFactsOf, PlinthError } from '../../../core/errors/index.ts';
import type { CaptureRecord, EvidenceRecords, ReleaseRecords } from '../../../core/records/index.ts';
import type { Logger } from '../../../core/telemetry/index.ts';
import { actorOf } from '../../management/index.ts';
import { readStartRequest } from '../commanding/index.ts';
import { summariseCaptures } from './capture-library.ts';
import { chooseRehearsedVersions } from './choose-rehearsed-versions.ts';
import { rehearse, type RehearsalGround, type RehearsalOrder, type RehearsalProgress } from './rehearsal.ts';

/** What the routes of rehearsals and captures stand on. */
export interface RehearsalRoutes extends RehearsalGround {
  readonly records: Pick<EvidenceRecords, 'listCaptures' | 'removeCaptures'>;
  readonly releases: Pick<ReleaseRecords, 'readReleases' | 'change'>;
  readonly logger: Logger;
  /** Called before captures are forgotten, so that none of those under way appears afterwards. */
  readonly flushCaptures?: () => Promise<void>;
}

const HEARTBEAT_MS = 10_000;
const DEFAULT_REQUESTS = 100;
const MOST_REQUESTS = 10_000;
const DEFAULT_CAPTURES = 100;
/** In one answer: captures are of the size of requests. */
const MOST_CAPTURES = 1_000;

const requestsSchema = z.object({ requests: z.int().min(1).max(MOST_REQUESTS).default(DEFAULT_REQUESTS) });
const modelSchema = z.string().min(1).max(200);
const pageSchema = z.object({
  limit: z
    .string()
    .regex(/^\d{1,9}$/)
    .transform(Number)
    .pipe(z.int().min(1).max(MOST_CAPTURES))
    .optional(),
  before: z
    .string()
    .regex(/^\d{1,15}\.[\w-]{1,100}$/)
    .optional(),
});

/**
 * `POST /plinth/v1/rehearsals` { model, to, from?, requests?, plan? }: lines of JSON with the progress, one at least every ten
 * seconds, the last one `{ report }` or `{ error }`; the rehearsal ends when its caller leaves, and there is one at a time. `GET
 * /plinth/v1/captures?model=` counts the newest kept requests, a hundred or `limit`, and shows them with `contents=1`; where there are older
 * ones, `next` is what `before` has to be to go on there. `POST /plinth/v1/captures/forget` { model } removes them.
 */
export function registerRehearsalRoutes(app: FastifyInstance, routes: RehearsalRoutes): void {
  const stage = new RehearsalStage(routes);
  app.post('/plinth/v1/rehearsals', (request, reply) => stage.run(request.body, reply));
  app.get<{ Querystring: Record<string, unknown> }>('/plinth/v1/captures', ({ query }) => readCaptures(routes, query));
  app.post('/plinth/v1/captures/forget', (request) => forgetCaptures(routes, request));
}

async function readCaptures({ records }: RehearsalRoutes, query: Readonly<Record<string, unknown>>): Promise<object> {
  const model = readModel(query['model']);
  const { limit, before } = readPage(query);
  const found = await records.listCaptures(model, limit + 1, before);
  const captures = found.slice(0, limit);
  const last = captures.at(-1);
  return {
    ...summariseCaptures(model, captures),
    ...(query['contents'] === '1' && { captures }),
    ...(last !== undefined && found.length > limit && { next: `${last.at}.${last.id}` }),
  };
}

async function forgetCaptures(routes: RehearsalRoutes, request: FastifyRequest): Promise<object> {
  const model = readModel(isRecord(request.body) ? request.body['model'] : undefined);
  await routes.flushCaptures?.();
  const removed = await routes.records.removeCaptures(model);
  const audit = { actor: actorOf(request), action: 'captures.forgotten', subject: model, detail: { removed } };
  await routes.releases.change({ audit });
  return { model, removed };
}

/** One rehearsal at a time: two would compete for the machine, and both would measure that. */
class RehearsalStage {
  readonly #routes: RehearsalRoutes;
  #running: string | undefined;

  constructor(routes: RehearsalRoutes) {
    this.#routes = routes;
  }

  async run(body: unknown, reply: FastifyReply): Promise<void> {
    const { wish, requests } = readOrder(body);
    if (this.#running !== undefined)
      throw new PlinthError({ code: 'conflict', message: `A rehearsal of '${this.#running}' is running; one runs at a time.` });
    this.#running = wish.model;
    const abort = new AbortController();
    reply.raw.once('close', () => abort.abort());
    try {
      const versions = chooseRehearsedVersions(wish, await this.#routes.releases.readReleases());
      await this.#write(reply, { model: wish.model, ...versions, most: requests, plan: wish.plan, signal: abort.signal });
    } finally {
      this.#running = undefined;
    }
  }

  /** From here on a failure is the last line: the answer has begun. */
  async #write(reply: FastifyReply, order: RehearsalOrder): Promise<void> {
    const { logger } = this.#routes;
    reply.hijack();
    const { raw } = reply;
    raw.writeHead(200, { 'content-type': 'application/x-ndjson', 'cache-control': 'no-store' });
    const line = (value: object) => void (raw.writable && raw.write(`${JSON.stringify(value)}\n`));
    let last: object = { progress: { state: 'starting' } };
    const show = (progress: RehearsalProgress): void => line((last = { progress }));
    // A port that hears nothing for long hangs up; so may whoever waits.
    const beat = setInterval(() => line(last), HEARTBEAT_MS);
    try {
      const report = await rehearse(this.#routes, { ...order, onProgress: show });
      line({ report });
      logger.info({ model: order.model, candidate: order.candidate, verdict: report.verdict }, 'rehearsal ended');
    } catch (error) {
      const { code, message } = errorFactsOf(error);
      if (!(error instanceof PlinthError)) logger.error({ err: error, model: order.model }, 'rehearsal failed');
      line({ error: { code, message } });
    } finally {
      clearInterval(beat);
      raw.end();
    }
  }
}

function readOrder(body: unknown) {
  if (!isRecord(body)) return { wish: readStartRequest(body), requests: DEFAULT_REQUESTS };
  const { requests, ...wish } = body;
  const parsed = requestsSchema.safeParse({ requests });
  if (!parsed.success)
    throw new PlinthError({
      code: 'invalid_request',
      message: `requests: expected a whole number from 1 to ${MOST_REQUESTS}.`,
      param: 'requests',
    });
  return { wish: readStartRequest(wish), requests: parsed.data.requests };
}

function readPage(query: Readonly<Record<string, unknown>>): { limit: number; before?: Pick<CaptureRecord, 'at' | 'id'> } {
  const { success, data, error } = pageSchema.safeParse(query);
  if (!success) {
    const param = String(error.issues[0]?.path[0]);
    const wanted = param === 'limit' ? `a whole number from 1 to ${MOST_CAPTURES}` : "what an earlier answer called 'next'";
    throw new PlinthError({ code: 'invalid_request', message: `${param}: expected ${wanted}.`, param });
  }
  const { limit = DEFAULT_CAPTURES, before } = data;
  const [at = '', id = ''] = before?.split('.') ?? [];
  return { limit, ...(before !== undefined && { before: { at: Number(at), id } }) };
}

function readModel(value: unknown): string {
  const parsed = modelSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new PlinthError({ code: 'invalid_request', message: 'model: expected the name of a model.', param: 'model' });
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
