export { choosePrefill, type PrefillFacts } from './choose-prefill.ts';
export { chooseSlot, type SlotChoice, type SlotView } from './choose-slot.ts';
export { chooseStep, type StepBudget } from './choose-step.ts';
export { Scheduler, type SchedulerOptions, type SlotMemory } from './scheduler.ts';
export type { ScheduledRow, Sequence, SequenceStatus } from './sequence.ts';
