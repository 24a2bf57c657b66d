import { Roster } from '../../core/collections/index.ts';
import type { ErrorFacts } from '../../core/errors/index.ts';
import type { InferenceEvent, InferenceRequest } from '../../core/inference/index.ts';
import type { RoutedReplica, RoutingSnapshot, SnapshotSource } from '../../core/messages/index.ts';
import type { NextStage, StageCall } from '../stage.ts';
import { BalancedStream } from './balanced-stream.ts';
import { ModelSeats } from './model-seats.ts';
import { RequestGuide, type Balancer, type ModelView } from './request-guide.ts';

/** What balancing asks of forwarding. */
export interface Reachability {
  isReachable(replica: RoutedReplica): boolean;
  onReachable(listener: () => void): () => void;
}

/** Where balancing finds replicas, and its sources of chance and time. */
export interface BalanceOptions {
  readonly snapshots: SnapshotSource;
  readonly reachability: Reachability;
  /** Called for every event of every attempt, the moment it comes; a folded answer passes them on only at its end. */
  readonly onArrived?: (call: StageCall, event: InferenceEvent) => void;
  /** 0 ≤ random < 1. */
  readonly random?: () => number;
  /** Monotonic milliseconds, the clock of `deadlineMs`. */
  readonly now?: () => number;
}

/** The balancing of one gateway, over all models. */
export interface Balance {
  stage(request: InferenceRequest, call: StageCall, next: NextStage): AsyncIterable<InferenceEvent>;
  /** Ends every request under way with this failure. */
  failAll(error: ErrorFacts): void;
  /** Ends every request that waits for a replica. */
  failWaiting(error: ErrorFacts): void;
  /** Stops following snapshots. */
  close(): void;
}

/** The stage that brings a request to a replica, keeps the queue bounded and moves requests away from lost replicas. */
export function createBalance(options: BalanceOptions): Balance {
  const { snapshots, reachability, onArrived = () => undefined, random = Math.random, now = () => performance.now() } = options;
  const views = createViews(snapshots, reachability);
  const isLeaving = (replica: RoutedReplica) => replica.state === 'draining' && reachability.isReachable(replica);
  const balancer: Balancer = { view: views.view, isLeaving, onArrived, random, now, open: new Roster() };
  return {
    stage(request, call, next) {
      return new BalancedStream(
        new RequestGuide(balancer, {
          request,
          call,
          next,
          modelName: call.model?.name ?? request.model,
          modelKey: keyOf(call, request),
        }),
      );
    },
    failAll(error) {
      for (const guide of balancer.open.values()) guide.end(error);
    },
    failWaiting(error) {
      for (const guide of balancer.open.values()) if (guide.isWaiting) guide.end(error);
    },
    close: views.close,
  };
}

function versionKey({ name, version }: { readonly name: string; readonly version: string }): string {
  return `${name}:${version}`;
}

function keyOf({ model }: StageCall, request: InferenceRequest): string {
  return versionKey(model ?? { name: request.model, version: request.version ?? '1' });
}

interface Views {
  readonly view: (modelKey: string) => ModelView | undefined;
  readonly close: () => void;
}

/** Models with their usable replicas, rebuilt when the snapshot or a connection changes and not per request. */
function createViews(snapshots: SnapshotSource, reachability: Reachability): Views {
  const seats = new Map<string, ModelSeats>();
  let views = new Map<string, ModelView>();
  const rebuild = (snapshot: RoutingSnapshot): void => {
    views = new Map(
      snapshot.models.map((model) => [
        versionKey(model),
        { model, ready: model.replicas.filter(isReady), seats: seatsOf(versionKey(model)) },
      ]),
    );
    for (const [key, held] of seats) {
      held.wakeAll();
      if (!views.has(key) && held.inFlight === 0) seats.delete(key);
    }
  };
  const isReady = (replica: RoutedReplica): boolean => replica.state === 'ready';
  const seatsOf = (key: string): ModelSeats => {
    const known = seats.get(key) ?? new ModelSeats();
    seats.set(key, known);
    return known;
  };
  rebuild(snapshots.current());
  const stops = [snapshots.subscribe(rebuild), reachability.onReachable(() => rebuild(snapshots.current()))];
  return {
    view(modelKey) {
      const view = views.get(modelKey);
      if (view === undefined || view.ready.every((replica) => reachability.isReachable(replica))) return view;
      return { ...view, ready: view.ready.filter((replica) => reachability.isReachable(replica)) };
    },
    close: () => stops.forEach((stop) => stop()),
  };
}
