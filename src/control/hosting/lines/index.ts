export { LineFleet, type LineOptions } from './line-fleet.ts';
export type { VersionState } from './describe-state.ts';
export type { WantedVersion } from './followed-version.ts';
