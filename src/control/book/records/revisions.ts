import { sql, type Kysely, type Transaction } from 'kysely';
import type { Tables } from '../schema/index.ts';

/**
 * What is counted: `keys` and `releases` are the revisions of the contracts; `key-uses`, `models` and `evidence` tell what else has changed;
 * `feedback` and `assignments` give out the numbers of rows.
 */
const subjects = ['keys', 'key-uses', 'models', 'releases', 'evidence', 'feedback', 'assignments'] as const;
type Subject = (typeof subjects)[number];
/** How far every count is. */
export type Revisions = Readonly<Record<Subject, number>>;

/** Counts on and gives the new number. Whoever counts on the same subject waits until this transaction has ended. */
export async function raise(transaction: Transaction<Tables>, subject: Subject, by = 1): Promise<number> {
  const { revision } = await transaction
    .updateTable('revisions')
    .set({ revision: sql<number>`revision + ${by}` })
    .where('subject', '=', subject)
    .returning('revision')
    .executeTakeFirstOrThrow();
  return revision;
}

/** How far one count is. */
export async function readRevision(database: Kysely<Tables>, subject: Subject): Promise<number> {
  const row = await database.selectFrom('revisions').select('revision').where('subject', '=', subject).executeTakeFirst();
  return row?.revision ?? 0;
}

/** How far all counts are, of the same moment. */
export async function readRevisions(database: Kysely<Tables>): Promise<Revisions> {
  const rows = await database.selectFrom('revisions').selectAll().execute();
  const found = new Map(rows.map(({ subject, revision }) => [subject, revision]));
  return Object.fromEntries(subjects.map((subject) => [subject, found.get(subject) ?? 0])) as Record<Subject, number>;
}
