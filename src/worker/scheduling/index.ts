export { choosePrefill } from './choose-prefill.ts';
export { Scheduler, type BatchLoad } from './scheduler.ts';
export type { ScheduledRow, Sequence, SequenceStatus } from './sequence.ts';
