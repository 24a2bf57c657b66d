export type { BookDatabase, Durability } from './book-database.ts';
export { readVersion, schemaVersion, takeSteps } from './migrate.ts';
export { migrationsTable, postgresWords, sqliteWords } from './migrations.ts';
export type {
  AnswerRow,
  AssignmentRow,
  AuditRow,
  ExperimentRow,
  FeedbackRow,
  KeyRow,
  LineRow,
  ModelRow,
  RolloutRow,
  Tables,
  VersionRow,
} from './tables.ts';
