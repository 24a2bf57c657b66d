export { catalog, sourcesOf } from './catalog.ts';
export type { CatalogEntry, FolderEntry } from './catalog-entry.ts';
export type { Edition, EditionFile } from './edition.ts';
