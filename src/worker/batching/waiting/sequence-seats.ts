import type { SequenceStep } from '../../../core/inference/index.ts';

/** A step of a sequence that may have to wait for the ones before it. */
export interface SequenceEntry {
  readonly item: { readonly sequence?: SequenceStep };
}

/** One stateful sequence, from its first step to its last. */
export interface SeatedSequence<T extends SequenceEntry> {
  readonly key: string;
  /** The slot it holds; −1 while it waits for one. */
  slot: number;
  /** Steps that are not done, in order; the first may be on its way. */
  readonly steps: T[];
  lastStepAt: number;
  isBroken: boolean;
}

interface Admitted<T extends SequenceEntry> {
  readonly sequence: SeatedSequence<T>;
  /** It may go at once: it holds a slot and nothing is before it. */
  readonly isReady: boolean;
}

/** What is ready now because of what happened, and what comes to nothing. */
export interface SeatChange<T extends SequenceEntry> {
  readonly ready: readonly T[];
  readonly dropped: readonly T[];
}

interface SeatOptions {
  readonly slots: number;
  /** A sequence without a step for so long loses its slot. */
  readonly maxIdleMs: number;
}

/**
 * Which sequence holds which slot, and which step of it is next. Steps of one sequence go one after the other; a sequence that
 * finds no free slot waits for one, in the order of starts. As in Triton a start under a known id goes on in its slot, and an end
 * frees the id at once and the slot after the step.
 */
export class SequenceSeats<T extends SequenceEntry> {
  readonly #slots: (SeatedSequence<T> | undefined)[];
  readonly #maxIdleMs: number;
  /** Sequences that take further steps, the one that has been silent longest first. */
  readonly #open = new Map<string, SeatedSequence<T>>();
  readonly #waiting = new Set<SeatedSequence<T>>();

  constructor({ slots, maxIdleMs }: SeatOptions) {
    this.#slots = Array.from({ length: slots }, () => undefined);
    this.#maxIdleMs = maxIdleMs;
  }

  get waiting(): number {
    return this.#waiting.size;
  }

  /** Takes a step in. Undefined when it belongs to no sequence: it is not a start, and none of its id is known. */
  admit(entry: T, step: SequenceStep, now: number): Admitted<T> | undefined {
    const key = `${step.idType}:${step.id}`;
    let sequence = this.#open.get(key);
    if (sequence === undefined && !step.isStart) return undefined;
    if (sequence === undefined) sequence = this.#begin(key, now);
    sequence.steps.push(entry);
    this.#open.delete(key);
    if (!step.isEnd) this.#open.set(key, sequence);
    sequence.lastStepAt = now;
    return { sequence, isReady: sequence.slot >= 0 && sequence.steps.length === 1 };
  }

  /** The first step of the sequence is done. */
  complete(sequence: SeatedSequence<T>, now: number): SeatChange<T> {
    if (sequence.isBroken) return { ready: [], dropped: [] };
    const done = sequence.steps.shift();
    sequence.lastStepAt = now;
    if (this.#open.get(sequence.key) === sequence) {
      this.#open.delete(sequence.key);
      this.#open.set(sequence.key, sequence);
    }
    if (done?.item.sequence?.isEnd === true) return { ready: this.#free(sequence.slot), dropped: [] };
    const [next] = sequence.steps;
    return { ready: next === undefined ? [] : [next], dropped: [] };
  }

  /** A step is missing: what follows would build on the wrong state. Drops the others, on their way or not. */
  break(sequence: SeatedSequence<T>): SeatChange<T> {
    if (sequence.isBroken) return { ready: [], dropped: [] };
    sequence.isBroken = true;
    if (this.#open.get(sequence.key) === sequence) this.#open.delete(sequence.key);
    this.#waiting.delete(sequence);
    const dropped = sequence.steps.splice(0);
    return { ready: sequence.slot < 0 ? [] : this.#free(sequence.slot), dropped };
  }

  /** Frees the slots of sequences that have been silent for too long. Their later steps belong to no sequence. */
  expire(now: number): readonly T[] {
    const ready: T[] = [];
    for (const [key, sequence] of this.#open) {
      if (now - sequence.lastStepAt < this.#maxIdleMs) break;
      if (sequence.steps.length > 0) continue;
      this.#open.delete(key);
      if (sequence.slot >= 0) ready.push(...this.#free(sequence.slot));
    }
    return ready;
  }

  #begin(key: string, now: number): SeatedSequence<T> {
    const sequence: SeatedSequence<T> = {
      key,
      slot: this.#slots.indexOf(undefined),
      steps: [],
      lastStepAt: now,
      isBroken: false,
    };
    if (sequence.slot >= 0) this.#slots[sequence.slot] = sequence;
    else this.#waiting.add(sequence);
    return sequence;
  }

  #free(slot: number): readonly T[] {
    this.#slots[slot] = undefined;
    const [next] = this.#waiting;
    if (next === undefined) return [];
    this.#waiting.delete(next);
    next.slot = slot;
    this.#slots[slot] = next;
    return next.steps.slice(0, 1);
  }
}
