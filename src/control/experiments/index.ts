export { openExperimentEngine, type ExperimentEngine } from './experiment-engine.ts';
export { experimentPlanSchema } from './experiment-plan.ts';
export type { ExperimentEngineOptions } from './experiment-ports.ts';
export { armsOf, chooseExperimentTraffic } from './experiment-traffic.ts';
export { registerExperimentRoutes, type ExperimentRouteOptions } from './register-experiment-routes.ts';
