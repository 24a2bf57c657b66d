export type { Book } from './book.ts';
export { openBook, type BookOptions } from './open-book.ts';
export { checkDatabaseUrl, probeBook, type BookFinding } from './probe-book.ts';
