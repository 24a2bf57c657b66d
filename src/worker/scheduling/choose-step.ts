import type { ScheduledRow, Sequence } from './sequence.ts';

export interface StepBudget {
  /** Most tokens of a step. */
  readonly stepTokens: number;
  /** Most prompt tokens beside decoding sequences. */
  readonly prefillTokens: number;
}

/**
 * Which tokens the next step computes: one for every decoding sequence, then prompt tokens in the order of admission while the
 * budget lasts (chunked prefill: Sarathi-Serve, OSDI 2024). A step is never empty while a runnable sequence is there.
 */
export function chooseStep<S extends Sequence>(running: readonly S[], budget: StepBudget): ScheduledRow<S>[] {
  const rows: ScheduledRow<S>[] = [];
  const runnable = running.filter((sequence) => !sequence.isPaused);
  let room = budget.stepTokens;
  for (const sequence of runnable) {
    if (!isDecoding(sequence) || room === 0) continue;
    rows.push({ sequence, position: sequence.computed, count: 1 });
    room--;
  }
  let prefillRoom = Math.min(room, Math.max(budget.prefillTokens, 1));
  for (const sequence of runnable) {
    if (isDecoding(sequence) || prefillRoom <= 0) continue;
    const pending = sequence.tokens.length - sequence.computed;
    const count = sequence.prefill === 'whole' ? pending : Math.min(pending, prefillRoom);
    if (count > room) continue;
    rows.push({ sequence, position: sequence.computed, count });
    prefillRoom -= count;
    room -= count;
  }
  return rows;
}

function isDecoding(sequence: Sequence): boolean {
  return sequence.tokens.length > sequence.promptLength && sequence.tokens.length - sequence.computed === 1;
}
