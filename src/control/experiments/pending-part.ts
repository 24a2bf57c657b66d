import type { Observation } from '../../core/messages/index.ts';
import type { AssignmentRecord } from '../../core/records/index.ts';
import { addObservation, mergeEvidence, noEvidence, type ExperimentEvidence } from './analysing/index.ts';
import type { ExperimentPlan } from './experiment-plan.ts';

/** Evidence on its way into the book. */
export interface Part {
  /** Counts from 1 for each process. */
  readonly number: number;
  readonly seen: ExperimentEvidence;
}

const MOST_KNOWN_UNITS = 50_000;
const MOST_WAITING = 5_000;

/**
 * What one process has seen of one experiment and not yet added to the book. A part that was being added stays as it is until it is known
 * to be there, so that it is never added twice nor lost; all sizes are bounded.
 */
export class PendingPart {
  readonly #experiment: string;
  readonly #plan: ExperimentPlan;
  #seen: ExperimentEvidence;
  #isEmpty = true;
  #part: Part | undefined;
  #number = 0;
  #known = new Set<string>();
  #assignments: AssignmentRecord[] = [];

  constructor(experiment: string, plan: ExperimentPlan) {
    this.#experiment = experiment;
    this.#plan = plan;
    this.#seen = noEvidence(plan);
  }

  observe(observation: Observation): void {
    this.#assign(observation);
    addObservation(this.#seen, this.#plan, observation);
    this.#isEmpty = false;
  }

  /** Whether anything waits to be written. */
  get isWaiting(): boolean {
    return !this.#isEmpty || this.#part !== undefined || this.#assignments.length > 0;
  }

  /** The part that is to be added next, the same one until it is `added`; undefined when there is none. */
  take(): Part | undefined {
    if (this.#part !== undefined || this.#isEmpty) return this.#part;
    this.#number += 1;
    this.#part = { number: this.#number, seen: this.#seen };
    this.#seen = noEvidence(this.#plan);
    this.#isEmpty = true;
    return this.#part;
  }

  added(): void {
    this.#part = undefined;
  }

  /** With what is not in the book yet. */
  addTo(evidence: ExperimentEvidence): ExperimentEvidence {
    return mergeEvidence(this.#part === undefined ? evidence : mergeEvidence(evidence, this.#part.seen), this.#seen);
  }

  /** Units that got their arm since the last time. */
  takeAssignments(): readonly AssignmentRecord[] {
    return this.#assignments.splice(0);
  }

  /** Those that could not be written. */
  returnAssignments(assignments: readonly AssignmentRecord[]): void {
    this.#assignments = [...assignments, ...this.#assignments].slice(0, MOST_WAITING);
  }

  #assign({ unit, arm, version, at }: Observation): void {
    if (this.#known.has(unit) || this.#assignments.length >= MOST_WAITING) return;
    if (!this.#plan.arms.some(({ name }) => name === arm)) return;
    if (this.#known.size >= MOST_KNOWN_UNITS) this.#known = new Set();
    this.#known.add(unit);
    this.#assignments.push({ experiment: this.#experiment, unit, arm, version, at });
  }
}
