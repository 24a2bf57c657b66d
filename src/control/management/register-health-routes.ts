import type { FastifyInstance } from 'fastify';

/** Where the health endpoints ask. */
export interface HealthFacts {
  /** Every model has come to an end of its first start, one at least answers, and no drain has begun. */
  isReady(): boolean;
}

/** Open to everyone, so they tell nothing more than yes or no. */
export function registerHealthRoutes(app: FastifyInstance, facts: HealthFacts): void {
  app.get('/livez', () => ({ status: 'live' }));
  app.get('/readyz', (_request, reply) => {
    const isReady = facts.isReady();
    return reply.code(isReady ? 200 : 503).send({ status: isReady ? 'ready' : 'not-ready' });
  });
}
