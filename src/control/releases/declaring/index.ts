export { registerPlanRoutes } from './register-plan-routes.ts';
export { ReleasePlanner, type ComparisonStarts } from './release-planner.ts';
export type { ExperimentOrder, RolloutOrder } from './release-plan.ts';
