import type { FastifyInstance } from 'fastify';
import { isServing, type RoutedModel } from '../../core/messages/index.ts';

/** Where the endpoints of status, models and drain ask. */
export interface StatusFacts {
  readonly startedAtUnixMs: number;
  /** What this process is called where it holds a lease. */
  readonly holder: string;
  book(): { readonly kind: 'sqlite' | 'postgresql'; readonly isStale: boolean };
  isReady(): boolean;
  isDraining(): boolean;
  models(): readonly RoutedModel[];
  /** Asks for a drain; whoever owns the process begins it. */
  requestDrain(): void;
}

/** What runs here, and the way to end it gently. */
export function registerStatusRoutes(app: FastifyInstance, facts: StatusFacts): void {
  app.get('/plinth/v1/status', () => ({
    status: facts.isDraining() ? 'draining' : facts.isReady() ? 'ready' : 'not-ready',
    pid: process.pid,
    startedAtUnixMs: facts.startedAtUnixMs,
    uptimeMs: Date.now() - facts.startedAtUnixMs,
    holder: facts.holder,
    book: facts.book(),
    rssBytes: process.memoryUsage.rss(),
    models: facts.models().map((model) => ({ name: model.name, state: modelState(model) })),
  }));
  app.get('/plinth/v1/models', () => ({ models: facts.models().map(describeModel) }));
  app.post('/plinth/v1/drain', (_request, reply) => {
    facts.requestDrain();
    return reply.code(202).send({ status: 'draining' });
  });
}

function describeModel(model: RoutedModel): object {
  const { replicas, ...rest } = model;
  return { ...rest, state: modelState(model), replicas: replicas.map(({ id, state }) => ({ id, state })) };
}

/** A model is in the best state that one of its replicas is in; `loading` before it has any. */
function modelState(model: RoutedModel): string {
  const { replicas, failure } = model;
  if (isServing(model)) return 'ready';
  for (const state of ['ready', 'draining', 'loading'] as const)
    if (replicas.some((replica) => replica.state === state)) return state;
  return failure === undefined ? 'loading' : 'failed';
}
