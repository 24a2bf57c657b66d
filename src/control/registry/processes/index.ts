export { runGuarded, type GuardedOutcome, type GuardedRun } from './run-guarded.ts';
