export type { Book } from './book.ts';
export { openBook, type BookOptions } from './open-book.ts';
