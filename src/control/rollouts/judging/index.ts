export { chooseTransition, type Standing } from './choose-transition.ts';
export { judge } from './judge.ts';
export { RolloutEvidence, type ComparedAnswers, type EvidenceStart } from './rollout-evidence.ts';
export { rolloutPlanSchema, type JudgeName, type RolloutPlan } from '../rollout-plan.ts';
export type { ComparisonScores } from '../verdict.ts';
