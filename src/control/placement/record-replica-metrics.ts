import type { Metrics } from '../../core/telemetry/index.ts';
import type { ReplicaReport } from './replica-report.ts';

/** Sets the gauges of replicas to what is known now, and forgets those that are gone. To be called before each scrape. */
export function recordReplicaMetrics(metrics: Metrics, reports: readonly ReplicaReport[]): void {
  const perReplica = [
    [metrics.batchSequences, (report: ReplicaReport) => report.runningSequences],
    [metrics.waitingRequests, (report: ReplicaReport) => report.waitingRequests],
    [metrics.stepSeconds, (report: ReplicaReport) => report.stepMs / 1_000],
    [metrics.engineThreads, (report: ReplicaReport) => report.threads],
    [metrics.contextTokensUsed, (report: ReplicaReport) => report.usedContextTokens],
  ] as const;
  metrics.replicas.reset();
  for (const { model, state } of reports) metrics.replicas.inc({ model, state });
  for (const [gauge, read] of perReplica) {
    gauge.reset();
    for (const report of reports) gauge.set({ model: report.model, replica: report.id }, read(report));
  }
}
