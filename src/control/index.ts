export { openBook, type Book } from './book/index.ts';
export type { ControlEvent, ControlObserver } from './control-events.ts';
export { startControl, type Control, type ControlOptions } from './control.ts';
export { openKeyring, type FixedKeys, type KeyFacts, type Keyring, type KeyringOptions, type NewKey } from './keys/index.ts';
export type { ReplacementReason, ReplicaReport } from './placement/index.ts';
export {
  catalog,
  openModelStore,
  type CatalogEntry,
  type ModelStore,
  type ModelStoreOptions,
  type ObtainedModel,
  type ObtainOptions,
  type PullProgress,
  type StoredModel,
} from './registry/index.ts';
