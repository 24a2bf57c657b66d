import { errorFactsOf } from '../core/errors/index.ts';
import type { InferenceEvent, InferenceRequest } from '../core/inference/index.ts';
import type { SnapshotSource } from '../core/messages/index.ts';
import type { Logger, Metrics } from '../core/telemetry/index.ts';
import { createBalance, type Balance } from './balancing/index.ts';
import { createCache } from './caching/index.ts';
import { createCompose } from './composing/index.ts';
import { createForward, ReplicaConnections } from './forwarding/index.ts';
import { createObserve, recordOutput, type StatisticsBook } from './observing/index.ts';
import { createRoute } from './routing/index.ts';
import type { NextStage, Stage, StageCall } from './stage.ts';

export interface PipelineOptions {
  readonly snapshots: SnapshotSource;
  readonly metrics: Metrics;
  readonly statistics: StatisticsBook;
  readonly logger: Logger;
  /** Memory for answers that may be given again. */
  readonly cacheBytes: number;
}

export interface Pipeline {
  /** The events end with exactly one `finished` or `failed`, and never throw. */
  infer(request: InferenceRequest, call: StageCall): AsyncIterable<InferenceEvent>;
  readonly failAll: Balance['failAll'];
  readonly failWaiting: Balance['failWaiting'];
  close(): void;
}

/**
 * The path of a request on one screen. Whose request it is and whether there is room was settled before its body was read (access);
 * each stage here may answer itself, change the request, or watch the events that come back.
 */
export function createPipeline(options: PipelineOptions): Pipeline {
  const { snapshots, metrics, statistics, logger, cacheBytes } = options;
  const connections = new ReplicaConnections({ snapshots, logger });
  const balance = createBalance({ snapshots, reachability: connections, onArrived: recordOutput });
  const path: NextStage = compose(
    [
      createRoute(snapshots), // which model answers
      createObserve(metrics, statistics), // how long it takes
      createCache({ snapshots, mostBytes: cacheBytes }), // whether it was answered before
      createCompose({ path: () => path, onArrived: recordOutput }), // which other models make the answer
      balance.stage, // which replica, and what if it is lost
    ],
    createForward(connections), // over to the worker and back
  );
  return {
    infer(request, call) {
      try {
        return path(request, call);
      } catch (error) {
        return failedStream(call, error);
      }
    },
    failAll: balance.failAll,
    failWaiting: balance.failWaiting,
    close() {
      balance.close();
      connections.close();
    },
  };
}

function compose(stages: readonly Stage[], last: NextStage): NextStage {
  return stages.reduceRight<NextStage>((next, stage) => (request, call) => stage(request, call, next), last);
}

async function* failedStream(call: StageCall, thrown: unknown): AsyncGenerator<InferenceEvent> {
  const error = errorFactsOf(thrown);
  call.record.failure = error.code;
  yield { type: 'failed', error };
}
