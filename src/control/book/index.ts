export { openBook, type Book, type BookOptions } from './book.ts';
