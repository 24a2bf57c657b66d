import type { FastifyInstance } from 'fastify';
import type { ReplicaReport } from './replica-report.ts';

/** `GET /plinth/v1/replicas`: every seat of every model. */
export function registerReplicaRoutes(app: FastifyInstance, source: { reports(): readonly ReplicaReport[] }): void {
  app.get('/plinth/v1/replicas', () => ({ replicas: source.reports() }));
}
