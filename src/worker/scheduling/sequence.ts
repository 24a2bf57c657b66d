/**
 * waiting → running → finished; running → waiting when its slot is taken back. `computed` counts the leading tokens whose attention
 * state is in the slot; a running sequence always has at least one token left to compute.
 */
export type SequenceStatus = 'waiting' | 'running' | 'finished';

/** The token state of one generation, or of one input to embed. */
export interface Sequence {
  /** The prompt, then what was generated. */
  readonly tokens: number[];
  readonly promptLength: number;
  /** Most tokens that it may still add; decides how much room it needs at admission. */
  readonly maxNewTokens: number;
  /**
   * `last`: only the newest token needs a result; `all`: every prompt token from `echoesFrom` on is predicted, so no prefix beyond
   * it is reused.
   */
  readonly outputs: 'last' | 'all';
  /** Absent: 0. */
  readonly echoesFrom?: number;
  /** `whole`: its prompt must be computed in one step. */
  readonly prefill: 'chunked' | 'whole';
  /** `exact`: the same request must give the same tokens again, so it takes over exact state only. */
  readonly precision: 'exact' | 'fast';
  /** A sequence with the same prompt that reads it first. */
  readonly leader?: Sequence;
  status: SequenceStatus;
  slot: number;
  computed: number;
  /** Leading computed tokens whose state is exact: the same however they were computed. */
  exactLength: number;
  /** Prompt tokens taken over from a slot at the last admission. */
  reused: number;
  readonly isPaused: boolean;
}

/** What one sequence does in the next step. */
export interface ScheduledRow<S extends Sequence = Sequence> {
  readonly sequence: S;
  readonly position: number;
  readonly count: number;
}
