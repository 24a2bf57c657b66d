export { chooseLoadedVersions, type LoadChoice, type LoadFacts, type WantedVersion } from './choose-loaded-versions.ts';
export { chooseModelTraffic, type ComparingTraffic, type TrafficFacts } from './choose-model-traffic.ts';
export type { Adoption, ConfiguredModel } from './changing/index.ts';
export { registerPlanRoutes, ReleasePlanner, type ComparisonStarts } from './declaring/index.ts';
export { registerReleaseRoutes, type ReleaseRouteOptions } from './register-release-routes.ts';
export { ReleaseBoard, type BoardOptions } from './release-board.ts';
export type { VersionState, VersionStates } from './release-documents.ts';
export { Releases, type ReleasesOptions } from './releases.ts';
