export { catalog, type CatalogEntry } from './catalog.ts';
export { openModelStore } from './model-store.ts';
export type { ModelStore, ModelStoreOptions, ObtainedModel, ObtainOptions, PullProgress, StoredModel } from './store-contract.ts';
export type { GgufSummary } from './screening/index.ts';
