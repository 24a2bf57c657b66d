import { chooseSlot, type SlotChoice } from './choose-slot.ts';
import { chooseStep, type StepBudget } from './choose-step.ts';
import type { ScheduledRow, Sequence } from './sequence.ts';

/** Sequences that decode, and those with a prompt still to read. */
export interface BatchLoad {
  readonly decodingSequences: number;
  readonly readingSequences: number;
}

/** What the scheduler needs of an engine: moving attention state between slots. */
export interface SlotMemory {
  keepPrefix(slot: number, length: number): void;
  /** As `keepPrefix`, but the room of what is dropped stays taken until `reclaim`. */
  buryTail(slot: number, length: number): void;
  reclaim(): void;
  copyPrefix(from: number, to: number, length: number): void;
}

export interface SchedulerOptions {
  readonly slots: number;
  readonly poolTokens: number;
  readonly memory: SlotMemory;
  /** `no`: slots keep nothing between sequences. */
  readonly reusesPrefixes: 'yes' | 'no';
}

interface Slot<S> {
  owner: S | undefined;
  /** Of a free slot: what it still holds. */
  held: readonly number[];
  /** Of a free slot: leading tokens of `held` with exact state. */
  exactLength: number;
  /** Leading tokens shared with the slot they were copied from; they cost no room of their own. */
  shared: number;
  usedAt: number;
}

/** Room that an admitted sequence is promised for new tokens; what it needs beyond that is found when it gets there. */
const PROMISED_TOKENS = 32;

/**
 * Continuous batching over slots: sequences wait in arrival order, take a slot when one and the room are free, and keep it until
 * they finish or it is taken back. Finished slots stay as a prefix cache until someone needs the seat or the room.
 */
export class Scheduler<S extends Sequence> {
  readonly #slots: Slot<S>[];
  readonly #options: SchedulerOptions;
  readonly #waiting: S[] = [];
  #running: S[] = [];
  /** Upper bound of the tokens in room that was dropped and not reclaimed. */
  #buried = 0;
  #uses = 0;

  constructor(options: SchedulerOptions) {
    this.#options = options;
    this.#slots = Array.from({ length: options.slots }, () => ({
      owner: undefined,
      held: [],
      exactLength: 0,
      shared: 0,
      usedAt: 0,
    }));
  }

  get waiting(): readonly S[] {
    return this.#waiting;
  }

  get running(): readonly S[] {
    return this.#running;
  }

  enqueue(sequence: S): void {
    this.#waiting.push(sequence);
  }

  /** Takes waiting sequences into free slots, then chooses the next step's rows. Returns those newly admitted. */
  plan(budget: (load: BatchLoad) => StepBudget): { rows: ScheduledRow<S>[]; admitted: S[] } {
    const admitted = this.#admit();
    const decoding = this.#running.filter((s) => !s.isPaused && s.tokens.length > s.promptLength).length;
    const reading = this.#running.length + this.#waiting.length - decoding;
    const rows = chooseStep(this.#running, budget({ decodingSequences: decoding, readingSequences: reading }));
    if (rows.length < decoding) this.#running = [...this.#running.slice(rows.length), ...this.#running.slice(0, rows.length)];
    return { rows, admitted };
  }

  /** Notes that a row was computed, and whether its state is exact. */
  advance({ sequence, position, count }: ScheduledRow<S>, precision: 'exact' | 'fast'): void {
    sequence.computed = position + count;
    if (precision === 'exact' && sequence.exactLength === position) sequence.exactLength = sequence.computed;
  }

  /** Ends a sequence wherever it is. Its computed state stays as cache. */
  finish(sequence: S): void {
    if (sequence.status === 'waiting') remove(this.#waiting, sequence);
    if (sequence.status === 'running') this.#release(sequence);
    sequence.status = 'finished';
  }

  /**
   * Makes room after the engine had none: drops the oldest cached slot, else takes back the slot of the youngest running sequence,
   * which then waits first in line. False when nothing is left to give.
   */
  makeRoom(): boolean {
    if (this.#buried > 0) return this.#reclaim();
    if (this.#evictOldest(-1)) return true;
    const youngest = this.#running.at(-1);
    if (youngest === undefined || this.#running.length === 1) return false;
    this.preempt(youngest);
    this.#evictOldest(-1);
    return true;
  }

  preempt(sequence: S): void {
    this.#release(sequence);
    sequence.status = 'waiting';
    sequence.computed = 0;
    sequence.exactLength = 0;
    this.#waiting.unshift(sequence);
  }

  /** Upper bound of the pool's tokens in use. */
  usedTokens(): number {
    const held = this.#slots.reduce(
      (sum, slot) => sum + Math.max(0, (slot.owner?.computed ?? slot.held.length) - slot.shared),
      0,
    );
    return held + this.#buried;
  }

  #admit(): S[] {
    const admitted: S[] = [];
    while (this.#waiting.length > 0) {
      const next = this.#waiting.find((s) => !s.isPaused && !isFollowing(s));
      if (next === undefined || !this.#seat(next)) break;
      remove(this.#waiting, next);
      admitted.push(next);
    }
    return admitted;
  }

  #seat(sequence: S): boolean {
    const choice = this.#options.reusesPrefixes === 'no' ? this.#firstFree() : this.#chooseByPrefix(sequence);
    if (choice === undefined) return this.#takeFromPaused() && this.#seat(sequence);
    if (!this.#findRoom(sequence, choice)) return false;
    this.#occupy(sequence, choice);
    return true;
  }

  #firstFree(): SlotChoice | undefined {
    const slot = this.#slots.findIndex((candidate) => candidate.owner === undefined);
    return slot === -1 ? undefined : { slot, reused: 0 };
  }

  #chooseByPrefix(sequence: S): SlotChoice | undefined {
    const isExact = sequence.precision === 'exact';
    const views = this.#slots.map(({ owner, held, exactLength, usedAt }) => ({
      isFree: owner === undefined,
      held: owner?.tokens ?? held,
      heldLength: isExact ? (owner?.exactLength ?? exactLength) : (owner?.computed ?? held.length),
      usedAt,
    }));
    const reusable =
      sequence.outputs === 'all' ? sequence.tokens.slice(0, Math.max(1, sequence.echoesFrom ?? 0)) : sequence.tokens;
    return chooseSlot(views, reusable);
  }

  /** A slow reader's slot goes to someone who can use it. */
  #takeFromPaused(): boolean {
    const paused = this.#running.find((sequence) => sequence.isPaused);
    if (paused === undefined) return false;
    this.preempt(paused);
    return true;
  }

  #findRoom(sequence: S, choice: SlotChoice): boolean {
    const { poolTokens } = this.#options;
    const needed = sequence.tokens.length - choice.reused + Math.min(sequence.maxNewTokens, PROMISED_TOKENS);
    const keep = choice.copiedFrom ?? choice.slot;
    const dropped = () =>
      Math.max(0, (this.#slots[choice.slot]?.held.length ?? 0) - (choice.copiedFrom === undefined ? choice.reused : 0));
    const isBurying = () => this.#mustBury(sequence);
    while (this.usedTokens() - (isBurying() ? 0 : dropped()) + needed > poolTokens) {
      if (this.#evictOldest(keep, sequence)) continue;
      if (this.#buried === 0) return this.#running.length === 0;
      this.#reclaim();
      return false;
    }
    return true;
  }

  #occupy(sequence: S, choice: SlotChoice): void {
    const { memory } = this.#options;
    const slot = this.#slots[choice.slot];
    if (slot === undefined) throw new RangeError(`slot ${choice.slot} does not exist`);
    if (choice.copiedFrom === undefined) {
      this.#drop(choice.slot, choice.reused, sequence);
      slot.shared = Math.min(slot.shared, choice.reused);
    } else {
      this.#drop(choice.slot, 0, sequence);
      memory.copyPrefix(choice.copiedFrom, choice.slot, choice.reused);
      slot.shared = choice.reused;
    }
    const source = this.#slots[choice.copiedFrom ?? choice.slot];
    sequence.exactLength = Math.min(choice.reused, source?.owner?.exactLength ?? source?.exactLength ?? 0);
    slot.owner = sequence;
    slot.held = [];
    slot.exactLength = 0;
    slot.usedAt = ++this.#uses;
    sequence.slot = choice.slot;
    sequence.computed = choice.reused;
    sequence.reused = Math.min(choice.reused, sequence.promptLength);
    sequence.status = 'running';
    this.#running.push(sequence);
  }

  /**
   * Drops what a free slot holds from `length` on. An exact sequence must find its state in the order of its tokens (attention adds in
   * the order of memory, and engines fill the lowest free room first), so while one runs, room below it must not become free.
   */
  #drop(index: number, length: number, newcomer: S | undefined): void {
    const { memory, reusesPrefixes } = this.#options;
    const dropped = (this.#slots[index]?.held.length ?? 0) - length;
    if (reusesPrefixes === 'no' || dropped <= 0) return memory.keepPrefix(index, length);
    if (this.#mustBury(newcomer)) {
      memory.buryTail(index, length);
      this.#buried += dropped;
    } else {
      memory.keepPrefix(index, length);
      this.#forgetExact(index);
    }
  }

  /** Frees what is buried. Exact sequences that run read their tokens again. */
  #reclaim(): true {
    for (const sequence of this.#running.filter(({ precision }) => precision === 'exact').toReversed()) this.preempt(sequence);
    this.#options.memory.reclaim();
    this.#buried = 0;
    this.#forgetExact(-1);
    return true;
  }

  /** Room became free below: what was computed in order cannot be continued in order, except in the slot that gave the room. */
  #forgetExact(except: number): void {
    this.#slots.forEach((slot, index) => {
      if (index === except) return;
      slot.exactLength = 0;
      if (slot.owner !== undefined) slot.owner.exactLength = 0;
    });
  }

  #mustBury(newcomer: S | undefined): boolean {
    return this.#options.reusesPrefixes === 'yes' && (newcomer?.precision === 'exact' || this.#runsExact());
  }

  #runsExact(): boolean {
    return this.#running.some(({ precision }) => precision === 'exact');
  }

  #release(sequence: S): void {
    const slot = this.#slots[sequence.slot];
    if (slot === undefined) return;
    slot.owner = undefined;
    slot.held = this.#options.reusesPrefixes === 'no' ? [] : sequence.tokens.slice(0, sequence.computed);
    slot.exactLength = slot.held.length === 0 ? 0 : sequence.exactLength;
    slot.usedAt = ++this.#uses;
    sequence.slot = -1;
    this.#running = this.#running.filter((other) => other !== sequence);
  }

  #evictOldest(keep: number, newcomer?: S): boolean {
    let oldest = -1;
    this.#slots.forEach((slot, index) => {
      if (slot.owner !== undefined || slot.held.length === 0 || index === keep) return;
      if (oldest === -1 || slot.usedAt < (this.#slots[oldest]?.usedAt ?? Infinity)) oldest = index;
    });
    const slot = this.#slots[oldest];
    if (slot === undefined) return false;
    this.#drop(oldest, 0, newcomer);
    slot.held = [];
    slot.exactLength = 0;
    slot.shared = 0;
    return true;
  }
}

/** True while another sequence still reads the same prompt for this one. */
function isFollowing(sequence: Sequence): boolean {
  const { leader } = sequence;
  return leader !== undefined && leader.status !== 'finished' && leader.computed < leader.promptLength;
}

function remove<T>(list: T[], item: T): void {
  const index = list.indexOf(item);
  if (index >= 0) list.splice(index, 1);
}
