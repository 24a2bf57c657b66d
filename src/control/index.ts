export { checkDatabaseUrl, openBook, probeBook, type Book } from './book/index.ts';
export type { ControlEvent, ControlObserver } from './hosting/index.ts';
export { startControl, type Control, type ControlOptions } from './control.ts';
export { openKeyring, type FixedKeys, type KeyFacts, type Keyring } from './keys/index.ts';
export type { ReplacementReason, ReplicaReport } from './placement/index.ts';
export {
  catalog,
  openModelStore,
  sourcesOf,
  type ModelStore,
  type ObtainedModel,
  type PullProgress,
  type StoredModel,
} from './registry/index.ts';
