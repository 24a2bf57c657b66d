import type { FastifyInstance } from 'fastify';
import type { Metrics } from '../../core/telemetry/index.ts';

/** Where the numbers of `/metrics` come from. */
export interface MetricsSource {
  readonly metrics: Metrics;
  /** Sets what is only known at the moment of asking. */
  recordNow(): void;
}

/** `GET /metrics` in Prometheus' text format. */
export function registerMetricsRoute(app: FastifyInstance, { metrics, recordNow }: MetricsSource): void {
  app.get('/metrics', async (_request, reply) => {
    recordNow();
    return reply.type(metrics.registry.contentType).send(await metrics.registry.metrics());
  });
}
