import type { Roster } from '../../core/collections/index.ts';
import { errorFactsOf, type ErrorFacts } from '../../core/errors/index.ts';
import type { InferenceEvent, InferenceRequest } from '../../core/inference/index.ts';
import type { RoutedModel, RoutedReplica } from '../../core/messages/index.ts';
import type { NextStage, StageCall } from '../stage.ts';
import type { BalancedStream, StreamGuide } from './balanced-stream.ts';
import { chooseAdmission, chooseSpareAdmission, notReady } from './choose-admission.ts';
import { chooseReplica, chooseSequenceReplica, type ReplicaCandidate } from './choose-replica.ts';
import type { ModelSeats } from './model-seats.ts';

/** What balancing knows beyond one request. */
export interface Balancer {
  /** The model as the newest snapshot has it, its ready and reachable replicas, and its seats. */
  view(modelKey: string): ModelView | undefined;
  /** Takes no new work and can still be reached. */
  readonly isLeaving: (replica: RoutedReplica) => boolean;
  readonly onArrived: (call: StageCall, event: InferenceEvent) => void;
  readonly random: () => number;
  readonly now: () => number;
  /** Requests that can still be ended from outside. */
  readonly open: Roster<RequestGuide>;
}

export interface ModelView {
  readonly model: RoutedModel;
  readonly ready: readonly RoutedReplica[];
  readonly seats: ModelSeats;
}

export interface GuidedRequest {
  readonly request: InferenceRequest;
  readonly call: StageCall;
  readonly next: NextStage;
  readonly modelName: string;
  /** Name and version. */
  readonly modelKey: string;
}

const DEADLINE: ErrorFacts = { code: 'deadline_exceeded', message: 'The answer was not complete before its deadline.' };
const CANCELLED: ErrorFacts = { code: 'cancelled', message: 'The caller went away before the answer was complete.' };
const GAVE_WAY: ErrorFacts = { code: 'queue_full', message: 'The seat of a copy was needed by a caller.' };
const LONGEST_TIMER_MS = 2 ** 31 - 1;
/** Long enough for the connection to a replica that has just become ready. */
const BRIEF_WAIT_MS = 100;

/** Leads one request to a replica: refuses it at the door, lets it wait for a replica, ends it at its deadline, counts its seat. */
export class RequestGuide implements StreamGuide {
  readonly #balancer: Balancer;
  readonly #guided: GuidedRequest;
  readonly #lostIds: string[] = [];
  #stream: BalancedStream | undefined;
  #seats: ModelSeats | undefined;
  #replicaId: string | undefined;
  #takenAtMs = 0;
  #deadlineTimer: NodeJS.Timeout | undefined;
  #queueTimer: NodeJS.Timeout | undefined;
  #stopWaiting: (() => void) | undefined;
  #onAbort: (() => void) | undefined;
  #openNumber: number | undefined;
  #keepSeat: (() => void) | undefined;

  readonly isFolded: boolean;

  constructor(balancer: Balancer, guided: GuidedRequest) {
    this.isFolded = guided.call.isFolded === true;
    this.#balancer = balancer;
    this.#guided = guided;
  }

  /** No replica has it. */
  get isWaiting(): boolean {
    return this.#stopWaiting !== undefined;
  }

  /** Ends the request now. */
  end(error: ErrorFacts): void {
    this.#stream?.end(error);
  }

  start(stream: BalancedStream): void {
    const { call, modelName, modelKey } = this.#guided;
    const view = this.#balancer.view(modelKey);
    if (view === undefined) return stream.end(goneModel(modelName));
    if (call.signal.aborted) return stream.end(CANCELLED);
    const timeLeftMs = call.deadlineMs - this.#balancer.now();
    if (timeLeftMs <= 0) return stream.end(DEADLINE);
    const refusal = this.#admit(view);
    if (refusal !== undefined) return stream.end(refusal);
    this.#enter(stream, view.seats, timeLeftMs);
    this.#dispatch(stream);
  }

  /** Callers never wait for a copy and are never refused because of one. */
  #admit({ model, ready, seats }: ModelView): ErrorFacts | undefined {
    const { origin = 'caller' } = this.#guided.call;
    const load = seats.load(model, ready);
    if (origin === 'shadow') return chooseSpareAdmission(load);
    const hasReclaimed = origin === 'caller' && load.inFlight >= load.slots && seats.reclaim();
    return chooseAdmission(hasReclaimed ? seats.load(model, ready) : load);
  }

  onLost(): void {
    const { record } = this.#guided.call;
    record.losses = (record.losses ?? 0) + 1;
  }

  restart(stream: BalancedStream): void {
    if (this.#replicaId !== undefined) this.#lostIds.push(this.#replicaId);
    this.#leaveReplica();
    this.#dispatch(stream);
  }

  onArrived(event: InferenceEvent): void {
    this.#balancer.onArrived(this.#guided.call, event);
  }

  stop(): void {
    clearTimeout(this.#deadlineTimer);
    if (this.#onAbort !== undefined) this.#guided.call.signal.removeEventListener('abort', this.#onAbort);
    if (this.#openNumber !== undefined) this.#balancer.open.remove(this.#openNumber);
    this.#keepSeat?.();
    this.#endWaiting();
    if (this.#replicaId !== undefined) this.#seats?.recordSeatMs(this.#balancer.now() - this.#takenAtMs);
    this.#leaveReplica();
    this.#seats?.leave();
  }

  #enter(stream: BalancedStream, seats: ModelSeats, timeLeftMs: number): void {
    seats.enter();
    this.#seats = seats;
    this.#stream = stream;
    this.#openNumber = this.#balancer.open.add(this);
    if (this.#guided.call.origin === 'shadow') this.#keepSeat = seats.lend(() => stream.end(GAVE_WAY));
    this.#onAbort = () => stream.end(CANCELLED);
    this.#guided.call.signal.addEventListener('abort', this.#onAbort, { once: true });
    this.#deadlineTimer = setTimeout(() => stream.end(DEADLINE), Math.min(timeLeftMs, LONGEST_TIMER_MS));
  }

  #dispatch(stream: BalancedStream): void {
    if (stream.isEnded) return;
    const { request, call, next, modelName, modelKey } = this.#guided;
    const view = this.#balancer.view(modelKey);
    if (view === undefined) return stream.end(goneModel(modelName));
    const timeLeftMs = call.deadlineMs - this.#balancer.now();
    if (timeLeftMs <= 0) return stream.end(DEADLINE);
    const replica = this.#choose(view);
    if (replica === undefined) return view.model.isHeld ? this.#giveUp(stream) : this.#wait(stream, view);
    this.#endWaiting();
    this.#takeReplica(replica);
    try {
      stream.attempt(next({ ...request, timeLeftMs: Math.ceil(timeLeftMs) }, { ...call, replica }));
    } catch (error) {
      stream.end(errorFactsOf(error));
    }
  }

  #choose(view: ModelView): RoutedReplica | undefined {
    const { request, call } = this.#guided;
    const candidates = view.seats.candidates(this.#openReplicas(view), this.#lostIds);
    notePassedOver(call.record, view.model.replicas, candidates);
    const sequence = request.kind === 'tensors' ? request.sequence : undefined;
    if (sequence === undefined) return chooseReplica(candidates, this.#balancer.random());
    return chooseSequenceReplica(candidates, `${sequence.idType}:${sequence.id}`);
  }

  /**
   * A request that was checked against one version goes to that version, also when it has begun to leave meanwhile: nobody would check
   * it against another. Nothing else is sent to replicas that leave.
   */
  #openReplicas({ model, ready }: ModelView): readonly RoutedReplica[] {
    if (ready.length > 0 || this.#guided.request.version === undefined) return ready;
    return model.replicas.filter((replica) => this.#balancer.isLeaving(replica));
  }

  #wait(stream: BalancedStream, view: ModelView): void {
    this.#stopWaiting = view.seats.wait(() => this.#dispatch(stream));
    const longestMs = this.#guided.call.hasElsewhere === true ? BRIEF_WAIT_MS : LONGEST_TIMER_MS;
    this.#queueTimer ??= setTimeout(() => this.#giveUp(stream), Math.min(view.model.queueTimeoutMs, longestMs));
  }

  #giveUp(stream: BalancedStream): void {
    const { modelName, modelKey } = this.#guided;
    stream.end(notReady({ model: modelName, failure: this.#balancer.view(modelKey)?.model.failure }));
  }

  #endWaiting(): void {
    clearTimeout(this.#queueTimer);
    this.#queueTimer = undefined;
    this.#stopWaiting?.();
    this.#stopWaiting = undefined;
  }

  #takeReplica(replica: RoutedReplica): void {
    this.#replicaId = replica.id;
    this.#takenAtMs = this.#balancer.now();
    this.#seats?.take(replica.id);
    const { record } = this.#guided.call;
    record.replicaId = replica.id;
    record.dispatchedMs = this.#takenAtMs;
    record.isFolded = this.isFolded;
  }

  #leaveReplica(): void {
    if (this.#replicaId !== undefined) this.#seats?.giveBack(this.#replicaId);
    this.#replicaId = undefined;
  }
}

/** Written for every request, so that nothing is made that is not there already unless a replica was left out. */
function notePassedOver(
  record: StageCall['record'],
  replicas: readonly RoutedReplica[],
  candidates: readonly ReplicaCandidate[],
): void {
  record.replicaScores = candidates;
  if (candidates.length === replicas.length) {
    record.replicasPassedOver = undefined;
    return;
  }
  record.replicasPassedOver = replicas
    .filter(({ id }) => candidates.every((candidate) => candidate.id !== id))
    .map(({ id, state }) => ({ id, because: state === 'ready' ? 'not reachable' : state }));
}

function goneModel(name: string): ErrorFacts {
  return { code: 'model_not_found', message: `The model '${name}' is no longer served.` };
}
