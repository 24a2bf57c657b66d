export { createAssessor, type AssessmentCounts, type AssessmentGap, type Assessor, type AssessorOptions } from './assessor.ts';
export { gatherEvents } from './ask-inside.ts';
export type { GoldenRun } from './golden-questions.ts';
