export { openSqlite, type SqliteBook } from './open-sqlite.ts';
