import { workerTokenTimes } from '../../core/inference/index.ts';
import { outcomeOf } from '../../core/messages/index.ts';
import type { RouteChoice } from '../../core/traffic/index.ts';
import type { RequestRecord } from '../stage.ts';
import { measuredHere } from './observe.ts';
import type { KeptRequest } from './report-request.ts';

/** One request as the management port tells of it: what was chosen and why, how long each part took, how it ended. Never content. */
export function describeReceipt({ finished, status, totalMs, endedAt }: KeptRequest): object {
  const { requestId, keyId, method, endpoint, isComplete, record } = finished;
  const { model, version, arm, failure, cache, losses = 0, earlierLosses = 0, usage, routes = [] } = record;
  return clean({
    id: requestId,
    endpoint: method === 'GRPC' ? endpoint : `${method} ${endpoint}`,
    key: keyId,
    at: new Date(endedAt - totalMs).toISOString(),
    status,
    outcome: isComplete ? outcomeOf(failure) : 'cancelled',
    failure,
    model,
    version,
    arm,
    routes: routes.map(describeRoute),
    fallbacks: routes.filter(({ by }) => by === 'fallback').length,
    replica: describeReplica(record),
    lostReplicas: earlierLosses + losses,
    cache,
    times: describeTimes(record, totalMs),
    tokens:
      usage === undefined
        ? undefined
        : { prompt: usage.promptTokens, cached: usage.cachedTokens, completion: usage.completionTokens },
  });
}

function describeRoute(choice: RouteChoice): object {
  const { model, version, arm, purpose, unit, scores } = choice;
  return clean({
    model,
    version,
    arm,
    why: wordsFor(choice),
    by: choice.by,
    purpose,
    unit,
    scores: scores?.map((one) => ({ ...one, score: rounded(one.score), isPick: one.version === version })),
  });
}

function wordsFor({ by, detail, version }: RouteChoice): string {
  const more = detail === undefined ? '' : `: ${detail}`;
  switch (by) {
    case 'request':
      return `version ${version} was asked for${more}`;
    case 'alias':
      return `an alias was asked for${more}`;
    case 'rule':
      return `a rule applied${more}`;
    case 'highest-ready':
      return `the highest version that is ready${more}`;
    case 'fallback':
      return `in another's place${more}`;
    default:
      return `highest score of the versions that share requests (${by})${more}`;
  }
}

function describeReplica(record: RequestRecord): object | undefined {
  const { replicaId, replicaScores, replicasPassedOver } = record;
  if (replicaScores === undefined && replicasPassedOver === undefined) return undefined;
  return clean({
    id: replicaId,
    why: 'least work per slot; one that was lost with this request only when there is no other',
    candidates: (replicaScores ?? []).map(({ id, inFlight, slots, hasFailed }) => ({
      id,
      inFlight,
      slots,
      load: rounded(inFlight / slots),
      wasLost: hasFailed,
      isPick: id === replicaId,
    })),
    passedOver: replicasPassedOver,
  });
}

/** `waitMs`: until a replica had it. `queueMs`, `prefillMs` and `decodeMs` are the replica's own. */
function describeTimes(record: RequestRecord, totalMs: number): object {
  const { startedMs, dispatchedMs, timings, usage, isFolded } = record;
  const { firstTokenMs, gapMs } = isFolded === true ? workerTokenTimes(timings, usage) : measuredHere(record);
  return clean({
    waitMs: dispatchedMs === undefined ? undefined : rounded(dispatchedMs - startedMs),
    queueMs: rounded(timings?.queueMs),
    prefillMs: rounded(timings?.prefillMs),
    decodeMs: rounded(timings?.decodeMs),
    firstTokenMs: rounded(firstTokenMs),
    gapMs: rounded(gapMs),
    totalMs: rounded(totalMs),
  });
}

function rounded(value: number | undefined): number | undefined {
  return value === undefined ? undefined : Math.round(value * 1000) / 1000;
}

/** Without what is not known. */
function clean(fields: Readonly<Record<string, unknown>>): object {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}
