export { nearestNames } from './nearest-names.ts';
export { Roster } from './roster.ts';
