export { HostedModel } from './hosted-model.ts';
export type { ControlEvent, ControlObserver } from './control-events.ts';
export { ModelFleet } from './model-fleet.ts';
export { ModelOffers, type ModelOffer } from './model-offers.ts';
export { RepositoryWatch } from './repository-watch.ts';
