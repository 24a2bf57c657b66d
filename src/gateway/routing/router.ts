import type { Principal, SnapshotSource } from '../../core/messages/index.ts';
import { conversationOf, promptCharactersOf, type RouteChoice } from '../../core/traffic/index.ts';
import type { InferenceRequest } from '../../core/inference/index.ts';
import type { KeptChoice, RequestRecord, StageCall } from '../stage.ts';
import type { Headers } from './choose-rule.ts';
import { chooseFallback, chooseSteadyVersion, chooseVersion, type Routed, type RouteWish } from './choose-version.ts';
import { tableOf, type Line } from './routing-table.ts';

/** What routing wants to know of a call. A choice is kept with the record, which copies of a call have in common. */
export interface RoutedCall {
  readonly principal: Principal;
  readonly headers?: Headers;
  readonly origin?: StageCall['origin'];
  readonly ensembles?: StageCall['ensembles'];
  readonly record?: RequestRecord;
  readonly onRouted?: (choice: RouteChoice) => void;
}

/** The choice of versions in one gateway. */
export interface Router {
  /** The version that will answer a request, kept with the call. Throws as {@link chooseVersion}. */
  choose(wish: RouteWish, call: RoutedCall): Routed;
  /** What was chosen for this request before, else as `choose`. */
  take(request: InferenceRequest, call: RoutedCall): Routed;
  /**
   * Where a fallback target of the model `own` leads: `3`, `@alias`, `model`, `model:3` or `model@alias`; undefined when that is not
   * loaded. Nothing is noted of it.
   */
  resolve(target: string, own: string): Routed | undefined;
  /** The model as the newest snapshot has it. */
  line(model: string): Line | undefined;
}

/** `random` gives 0 ≤ x < 1. Routers on the same snapshots agree; they hold nothing of their own. */
export function createRouter(snapshots: SnapshotSource, random: () => number = Math.random): Router {
  const decide = (wish: RouteWish, call: RoutedCall): Routed => {
    const table = tableOf(snapshots.current());
    if (!isCallers(call)) return chooseSteadyVersion(wish, table);
    const asker = { keyId: call.principal.keyId, headers: call.headers };
    return chooseVersion(wish, { table, asker, random: random() });
  };
  const choose = (wish: RouteWish, call: RoutedCall): Routed => {
    const routed = decide(wish, call);
    keep(wish, routed, call);
    return routed;
  };
  return {
    choose,
    take(request, call) {
      const kept = findKept(request, call.record);
      const current = kept === undefined ? undefined : tableOf(snapshots.current()).get(kept.model.name);
      const model = kept === undefined ? undefined : current?.byVersion.get(kept.model.version)?.model;
      if (kept !== undefined && model !== undefined) return { model, choice: kept.choice };
      return choose(wishOf(request), call);
    },
    resolve: (target, own) => chooseFallback(target, own, tableOf(snapshots.current())),
    line: (model) => tableOf(snapshots.current()).get(model),
  };
}

/** Steps of an ensemble and copies have records of their own, and are not what the caller is answered with. */
function keep({ name, version }: RouteWish, { model, choice }: Routed, call: RoutedCall): void {
  const { record } = call;
  if (record !== undefined) {
    record.chosen = [{ name, version, model, choice }, ...(record.chosen ?? [])];
    record.version = choice.version;
    record.arm = choice.arm;
  }
  if (call.ensembles === undefined && isCallers(call)) call.onRouted?.(choice);
}

/** By the words that it was asked for, or by what came of them. */
function findKept({ model, version }: InferenceRequest, record: RequestRecord | undefined): KeptChoice | undefined {
  return record?.chosen?.find(
    (kept) =>
      (kept.name === model && kept.version === version) ||
      (kept.model.name === model && (version === undefined || version === kept.model.version)),
  );
}

function wishOf(request: InferenceRequest): RouteWish {
  return {
    name: request.model,
    version: request.version,
    kind: request.kind,
    conversation: () => conversationOf(request),
    promptCharacters: () => promptCharactersOf(request),
  };
}

/** Neither a copy nor asked for from inside. */
export function isCallers({ origin }: Pick<RoutedCall, 'origin'>): boolean {
  return origin === undefined || origin === 'caller';
}
