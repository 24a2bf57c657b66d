export { applyChange } from './apply-change.ts';
export { chooseAddedVersion, type AddOrder } from './choose-added-version.ts';
export { chooseAdoption, readReused, reuseSubject, type Adoption, type ConfiguredModel } from './choose-adoption.ts';
export {
  chooseMovedAliases,
  chooseSetPolicy,
  chooseSetTraffic,
  type AliasOrder,
  type ChangedLine,
  type PolicyOrder,
  type TrafficOrder,
} from './choose-changed-line.ts';
export { chooseRemovedVersion, type RemoveOrder } from './choose-removed-version.ts';
export { canonicalText, isSame } from './is-same.ts';
export type { LineOrder } from './check-line.ts';
export { placeSource, readVersionContents, settingsSchema, type VersionContents } from './read-settings.ts';
