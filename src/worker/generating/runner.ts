import { errorFactsOf, PlinthError } from '../../core/errors/index.ts';
import type { InferenceRequest } from '../../core/inference/index.ts';
import type { ReplicaProgress } from '../../core/messages/index.ts';
import type { ModelFacts, ModelSpec } from '../../core/models/index.ts';
import { ActiveRequest, type RequestSequence } from './active-request.ts';
import type { Engine, StepRow } from '../engines/index.ts';
import type { Arrival, EventSink } from '../intake/index.ts';
import { Preparer } from './prepare.ts';
import { probeRequest } from './probe-request.ts';
import type { ReplicaLoop } from '../replica-loop.ts';
import { choosePrefill, Scheduler, type BatchLoad, type ScheduledRow } from '../scheduling/index.ts';
import { StepMeter } from './step-meter.ts';
import { TokenSteward } from './token-steward.ts';

/** Time that one turn may spend on reading new prompts while others wait for their tokens. */
const PREPARE_MS = 15;

/** The loop of a replica: schedule → execute → emit. Single-threaded; every method is called between two steps. */
export class Runner implements ReplicaLoop<ActiveRequest> {
  readonly #engine: Engine;
  readonly #spec: ModelSpec;
  readonly #preparer: Preparer;
  readonly #scheduler: Scheduler<RequestSequence>;
  readonly #steward: TokenSteward<RequestSequence>;
  readonly #meter = new StepMeter();
  readonly #active = new Set<ActiveRequest>();
  readonly #arrivals: ActiveRequest[] = [];
  #wake: (() => void) | undefined;

  constructor(engine: Engine, spec: ModelSpec) {
    this.#engine = engine;
    this.#spec = spec;
    this.#preparer = new Preparer(engine);
    const { facts, poolTokens, reusesPrefixes } = engine;
    this.#scheduler = new Scheduler({ slots: facts.slots, poolTokens, memory: engine, reusesPrefixes });
    this.#steward = new TokenSteward({ engine, meter: this.#meter, finish: (sequence) => this.#finish(sequence) });
  }

  /** One step at most. True when there is more to do at once. */
  turn(): boolean {
    this.#prepareArrivals();
    this.#expire(performance.now());
    const { rows, admitted } = this.#scheduler.plan((load) => this.#budget(load));
    for (const sequence of admitted) this.#steward.begin(sequence);
    if (rows.length === 0) return this.#arrivals.length > 0;
    try {
      this.#step(rows);
    } catch (error) {
      this.#failAll(rows, error);
    }
    return true;
  }

  /** Resolves when something arrived, or after `ms`, so that deadlines of waiting requests are kept. */
  arrival(ms: number): Promise<void> {
    if (this.#arrivals.length > 0) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.wakeUp(), ms);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  get isIdle(): boolean {
    return this.#active.size === 0;
  }

  get facts(): ModelFacts {
    return this.#engine.facts;
  }

  probeRequest(): InferenceRequest {
    return probeRequest(this.#spec.name, this.#engine.facts);
  }

  close(): void {
    this.#engine.close();
  }

  accept({ request, delivery }: Arrival, sink: EventSink): ActiveRequest {
    const active = new ActiveRequest({ request, delivery, sink, now: performance.now() });
    const waiting = this.#waitingRequests();
    if (waiting >= this.#spec.queueLength + this.#freeSlots()) {
      const message = `${waiting} requests wait for model ${request.model} already; the limit is ${this.#spec.queueLength}.`;
      active.fail({ code: 'queue_full', message, retryAfterMs: 1000 });
    } else {
      this.#active.add(active);
      this.#arrivals.push(active);
    }
    this.wakeUp();
    return active;
  }

  cancel(active: ActiveRequest): void {
    active.abandon();
    this.#drop(active);
  }

  pause(active: ActiveRequest): void {
    active.isPaused = true;
  }

  resume(active: ActiveRequest): void {
    active.isPaused = false;
    this.wakeUp();
  }

  progress(): ReplicaProgress {
    const { running } = this.#scheduler;
    return {
      ...this.#meter.totals(),
      runningSequences: running.length,
      runnableSequences: running.filter((sequence) => !sequence.isPaused).length,
      waitingRequests: this.#waitingRequests(),
      threads: this.#engine.threads(),
      usedContextTokens: this.#scheduler.usedTokens(),
    };
  }

  #step(rows: readonly ScheduledRow<RequestSequence>[]): void {
    const isHidden = rows.some(({ sequence }) => sequence.work.type === 'embed');
    const startedAt = performance.now();
    const precision = rows.some(({ sequence }) => sequence.precision === 'exact') ? 'exact' : 'fast';
    const outcome = this.#engine.execute({ rows: rows.map(toStepRow), results: isHidden ? 'hidden' : 'logits', precision });
    if (outcome === 'no-room') return this.#makeRoom();
    this.#meter.record(rows, performance.now() - startedAt);
    let firstOutput = 0;
    for (const row of rows) {
      if (row.sequence.status === 'running') {
        this.#scheduler.advance(row, outcome);
        this.#steward.absorb(row, firstOutput);
      }
      firstOutput += row.count;
    }
  }

  #budget(load: BatchLoad) {
    const isExact = this.#scheduler.running.some((sequence) => sequence.precision === 'exact');
    const stepTokens = isExact ? this.#engine.exactStepTokens : this.#engine.stepTokens;
    const prefillTokens = choosePrefill({ ...load, stepTokens, prefillTokensPerMs: this.#meter.prefillTokensPerMs });
    return { stepTokens, prefillTokens };
  }

  #prepareArrivals(): void {
    const startedAt = performance.now();
    while (this.#arrivals.length > 0 && performance.now() - startedAt < PREPARE_MS) {
      const active = this.#arrivals.shift();
      if (active === undefined || active.isEnded) continue;
      try {
        active.begin(this.#preparer.prepare(active));
        for (const sequence of active.sequences) this.#scheduler.enqueue(sequence);
      } catch (error) {
        this.#failRequest(active, error);
      }
    }
  }

  #expire(now: number): void {
    for (const active of this.#active) {
      if (now >= active.deadlineAt) {
        this.#failRequest(
          active,
          new PlinthError({ code: 'deadline_exceeded', message: 'The deadline of the request has passed.' }),
        );
      } else if (!active.hasStarted && now - active.arrivedAt > this.#spec.queueTimeoutMs) {
        const message = `The request waited ${this.#spec.queueTimeoutMs} ms for a free slot. Try again later.`;
        this.#failRequest(active, new PlinthError({ code: 'queue_timeout', message, retryAfterMs: 1000 }));
      }
    }
  }

  #makeRoom(): void {
    if (this.#scheduler.makeRoom()) return;
    const message = 'The model has no memory left for this request.';
    for (const { owner } of this.#scheduler.running)
      this.#failRequest(owner, new PlinthError({ code: 'engine_failed', message }));
  }

  #failAll(rows: readonly ScheduledRow<RequestSequence>[], error: unknown): void {
    for (const { sequence } of rows) this.#failRequest(sequence.owner, error);
  }

  #failRequest(active: ActiveRequest, error: unknown): void {
    if (!(error instanceof PlinthError)) process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
    active.fail(errorFactsOf(error));
    this.#drop(active);
  }

  #finish(sequence: RequestSequence): void {
    this.#scheduler.finish(sequence);
    if (sequence.work.type === 'generate') sequence.work.sampler.close();
    sequence.owner.completeSequence(performance.now());
    if (sequence.owner.isEnded) this.#active.delete(sequence.owner);
  }

  #drop(active: ActiveRequest): void {
    this.#active.delete(active);
    for (const sequence of active.sequences) {
      if (sequence.status === 'finished') continue;
      this.#scheduler.finish(sequence);
      if (sequence.work.type === 'generate') sequence.work.sampler.close();
    }
  }

  #waitingRequests(): number {
    let waiting = 0;
    for (const active of this.#active) if (!active.hasStarted) waiting++;
    return waiting;
  }

  #freeSlots(): number {
    return Math.max(0, this.#engine.facts.slots - this.#scheduler.running.length);
  }

  /** Ends a pending {@link arrival}. */
  wakeUp(): void {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }
}

function toStepRow({ sequence, position, count }: ScheduledRow<RequestSequence>): StepRow {
  const end = position + count;
  const scoresPrompt = sequence.outputs === 'all' && position < sequence.promptLength && end >= sequence.echoesFrom;
  const outputs = scoresPrompt ? 'all' : end === sequence.tokens.length ? 'last' : 'none';
  return { slot: sequence.slot, tokens: sequence.tokens.slice(position, end), position, outputs };
}
