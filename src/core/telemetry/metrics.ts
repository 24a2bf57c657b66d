import { Counter, Gauge, Histogram, Registry } from 'prom-client';

const LATENCY_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300];

/** Every instrument of the process, in Prometheus' naming. Label sets are small and closed: model, endpoint, outcome, state. */
export interface Metrics {
  readonly registry: Registry;
  readonly requests: Counter<'endpoint' | 'model' | 'status'>;
  readonly requestSeconds: Histogram<'endpoint' | 'model'>;
  readonly timeToFirstToken: Histogram<'model'>;
  readonly interTokenSeconds: Histogram<'model'>;
  readonly queueSeconds: Histogram<'model'>;
  readonly tokens: Counter<'model' | 'kind'>;
  readonly requestsInWork: Gauge<'model'>;
  readonly refusals: Counter<'reason'>;
  readonly fallbacks: Counter<'model' | 'reason'>;
  readonly shadowRequests: Counter<'model' | 'outcome'>;
  readonly versionRequests: Counter<'model' | 'version' | 'arm' | 'outcome'>;
  readonly versionTokens: Counter<'model' | 'version' | 'kind'>;
  readonly versionSeconds: Histogram<'model' | 'version'>;
  readonly versionTimeToFirstToken: Histogram<'model' | 'version'>;
  readonly rolloutShare: Gauge<'model'>;
  readonly rolloutMoves: Counter<'model' | 'state'>;
  readonly rolloutEvidenceDropped: Counter<'model'>;
  readonly batchSequences: Gauge<'model' | 'replica'>;
  readonly waitingRequests: Gauge<'model' | 'replica'>;
  readonly stepSeconds: Gauge<'model' | 'replica'>;
  readonly engineThreads: Gauge<'model' | 'replica'>;
  readonly contextTokensUsed: Gauge<'model' | 'replica'>;
  readonly bookStale: Gauge;
  readonly replicas: Gauge<'model' | 'state'>;
  readonly replicaReplacements: Counter<'model' | 'reason'>;
}

/** New instruments in a registry of their own. */
export function createMetrics(): Metrics {
  const registry = new Registry();
  const instruments = instrumentsOf(registry);
  const { counter, gauge, seconds } = instruments;
  return {
    registry,
    requests: counter('plinth_requests_total', 'Requests answered, by HTTP status.', ['endpoint', 'model', 'status']),
    requestSeconds: seconds('plinth_request_seconds', 'Time from request to last byte.', ['endpoint', 'model']),
    timeToFirstToken: seconds('plinth_time_to_first_token_seconds', 'Time from request to first token.', ['model']),
    interTokenSeconds: seconds('plinth_inter_token_seconds', 'Mean gap between the tokens of a request.', ['model']),
    queueSeconds: seconds('plinth_queue_seconds', 'Time a request waited in the worker.', ['model']),
    tokens: counter('plinth_tokens_total', 'Tokens by kind: prompt, cached, completion.', ['model', 'kind']),
    requestsInWork: gauge('plinth_requests_in_work', 'Requests admitted and not yet answered.', ['model']),
    refusals: counter('plinth_refusals_total', 'Requests refused before any work, by error code.', ['reason']),
    ...versionMetrics(instruments),
    batchSequences: gauge('plinth_batch_sequences', 'Sequences in the running batch.', ['model', 'replica']),
    waitingRequests: gauge('plinth_waiting_requests', 'Requests waiting for a slot.', ['model', 'replica']),
    stepSeconds: gauge('plinth_step_seconds', 'Longest of the recent steps.', ['model', 'replica']),
    engineThreads: gauge('plinth_engine_threads', 'Compute threads in use.', ['model', 'replica']),
    contextTokensUsed: gauge('plinth_context_tokens_used', 'Tokens in the KV cache.', ['model', 'replica']),
    bookStale: gauge('plinth_book_stale', '1 while the database of the book cannot be reached, else 0.', []),
    replicas: gauge('plinth_replicas', 'Replicas by state.', ['model', 'state']),
    replicaReplacements: counter('plinth_replica_replacements_total', 'Replicas replaced, by reason.', ['model', 'reason']),
  };
}

/** Of versions, and of what becomes of their requests. */
function versionMetrics({ counter, gauge, seconds }: Instruments) {
  return {
    fallbacks: counter('plinth_fallbacks_total', 'Requests that went on to another version or model, by the failure.', [
      'model',
      'reason',
    ]),
    shadowRequests: counter('plinth_shadow_requests_total', 'Requests chosen to be copied to a candidate, by what came of it.', [
      'model',
      'outcome',
    ]),
    versionRequests: counter('plinth_version_requests_total', 'Requests of models with several versions, by how they ended.', [
      'model',
      'version',
      'arm',
      'outcome',
    ]),
    versionTokens: counter('plinth_version_tokens_total', 'Tokens by version and kind: prompt, cached, completion.', [
      'model',
      'version',
      'kind',
    ]),
    versionSeconds: seconds('plinth_version_request_seconds', 'Time from request to last event, by version.', [
      'model',
      'version',
    ]),
    versionTimeToFirstToken: seconds('plinth_version_time_to_first_token_seconds', 'Time to first token, by version.', [
      'model',
      'version',
    ]),
    rolloutShare: gauge('plinth_rollout_share', 'Share of requests that a rollout gives to its candidate.', ['model']),
    rolloutMoves: counter('plinth_rollout_moves_total', 'Changes of rollouts, by the state that they lead to.', [
      'model',
      'state',
    ]),
    rolloutEvidenceDropped: counter('plinth_rollout_evidence_dropped_total', 'Comparisons that were too many to assess.', [
      'model',
    ]),
  };
}

type Instruments = ReturnType<typeof instrumentsOf>;

function instrumentsOf(registry: Registry) {
  const registers = [registry];
  return {
    counter: <L extends string>(name: string, help: string, labelNames: L[]) =>
      new Counter({ name, help, labelNames, registers }),
    gauge: <L extends string>(name: string, help: string, labelNames: L[]) => new Gauge({ name, help, labelNames, registers }),
    seconds: <L extends string>(name: string, help: string, labelNames: L[]) =>
      new Histogram({ name, help, labelNames, registers, buckets: LATENCY_SECONDS }),
  };
}
