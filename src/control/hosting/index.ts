export { hostPlan, type HostedPlan, type PlanHooks } from './host-plan.ts';
export type { ControlEvent, ControlObserver } from './control-events.ts';
export type { VersionState, WantedVersion } from './lines/index.ts';
export { ModelFleet, type FleetOptions } from './model-fleet.ts';
export { ModelOffers, type ModelOffer, type RecordableModel } from './model-offers.ts';
export { RepositoryWatch } from './repository-watch.ts';
