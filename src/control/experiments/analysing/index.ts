export {
  addObservation,
  addPart,
  addValue,
  mergeEvidence,
  noEvidence,
  readEvidence,
  writeEvidence,
  type ExperimentEvidence,
} from './experiment-evidence.ts';
export { keepLeastP, readResult } from './read-result.ts';
export type { ArmComparison, ArmResult, ExperimentResult, GuardReport } from './result.ts';
