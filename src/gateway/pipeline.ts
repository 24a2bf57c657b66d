import { looksOfAnswer } from '../core/answers/index.ts';
import { errorFactsOf } from '../core/errors/index.ts';
import type { InferenceEvent, InferenceRequest } from '../core/inference/index.ts';
import type { EvidenceSink, SnapshotSource } from '../core/messages/index.ts';
import type { Logger, Metrics } from '../core/telemetry/index.ts';
import { createBalance, type Balance } from './balancing/index.ts';
import { createCache } from './caching/index.ts';
import { createCompose } from './composing/index.ts';
import { createFallBack } from './falling-back/index.ts';
import { createForward, ReplicaConnections, Upstreams } from './forwarding/index.ts';
import { createGatherEvidence, createObserve, recordOutput, type StatisticsBook } from './observing/index.ts';
import { createRoute, createRouter } from './routing/index.ts';
import { createShadow, type Shadow } from './shadowing/index.ts';
import type { NextStage, Stage, StageCall } from './stage.ts';

export interface PipelineOptions {
  readonly snapshots: SnapshotSource;
  readonly metrics: Metrics;
  readonly statistics: StatisticsBook;
  readonly logger: Logger;
  /** Memory for answers that may be given again. */
  readonly cacheBytes: number;
  /** Who compares versions; without it nothing is observed or copied. */
  readonly evidence?: EvidenceSink | undefined;
  /** Where the keys for upstreams are. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** 0 ≤ random < 1. */
  readonly random?: () => number;
}

export interface Pipeline {
  /** The events end with exactly one `finished` or `failed`, and never throw. */
  infer(request: InferenceRequest, call: StageCall): AsyncIterable<InferenceEvent>;
  readonly failAll: Balance['failAll'];
  readonly failWaiting: Balance['failWaiting'];
  /** Ends the copies under way; none begins any more. */
  stopShadows(): void;
  close(): void;
}

/**
 * The path of a request on one screen. Whose request it is and whether there is room was settled before its body was read (access);
 * each stage here may answer itself, change the request, or watch the events that come back.
 */
export function createPipeline(options: PipelineOptions): Pipeline {
  const { snapshots, metrics, statistics, logger, cacheBytes, environment = process.env } = options;
  const connections = new ReplicaConnections({ snapshots, logger });
  const upstreams = new Upstreams({ environment, logger });
  const balance = createBalance({ snapshots, reachability: connections, onArrived: recordOutput });
  const shadow = createShadowing(options, () => path);
  const path: NextStage = compose(
    [
      createRoute(snapshots), // which version answers
      createFallingBack(options), // which one else, if that fails
      ...(shadow === undefined ? [] : [shadow.stage]), // what a candidate would have said
      createObserve({ metrics, statistics, gather: createGathering(options) }), // how long it takes, what the versions are like
      forCallers(createCache({ snapshots, mostBytes: cacheBytes })), // whether it was answered before
      createCompose({ path: () => path, onArrived: recordOutput }), // which other models make the answer
      balance.stage, // which replica, and what if it is lost
    ],
    createForward({ connections, upstreams }), // over to the worker and back
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
    stopShadows: () => shadow?.close(),
    close() {
      shadow?.close();
      balance.close();
      connections.close();
      upstreams.close();
    },
  };
}

function createFallingBack({ snapshots, metrics }: PipelineOptions): Stage {
  const router = createRouter(snapshots);
  return createFallBack({
    resolve: (target, model) => router.resolve(target, model)?.model,
    onFallback: (fallback) => metrics.fallbacks.inc(fallback),
  });
}

function createShadowing({ evidence, metrics, random }: PipelineOptions, path: () => NextStage): Shadow | undefined {
  if (evidence === undefined) return undefined;
  return createShadow({
    path,
    evidence,
    looksOf: looksOfAnswer,
    onOutcome: (shadow) => metrics.shadowRequests.inc(shadow),
    ...(random === undefined ? {} : { random }),
  });
}

function createGathering({ evidence: sink, logger, random = Math.random }: PipelineOptions) {
  if (sink === undefined) return undefined;
  const onDefect = (thrown: unknown): void => logger.error({ err: thrown }, 'a request could not be observed');
  return createGatherEvidence({ sink, random, clock: Date.now, onDefect });
}

/** Copies and requests from inside want to know what the version says now. */
function forCallers(stage: Stage): Stage {
  return (request, call, next) =>
    call.origin === undefined || call.origin === 'caller' ? stage(request, call, next) : next(request, call);
}

function compose(stages: readonly Stage[], last: NextStage): NextStage {
  return stages.reduceRight<NextStage>((next, stage) => (request, call) => stage(request, call, next), last);
}

async function* failedStream(call: StageCall, thrown: unknown): AsyncGenerator<InferenceEvent> {
  const error = errorFactsOf(thrown);
  call.record.failure = error.code;
  yield { type: 'failed', error };
}
