import { createHash } from 'node:crypto';
import { sql, type Kysely, type RawBuilder, type Transaction } from 'kysely';
import type { JsonObject, JsonValue } from '../../../core/inference/index.ts';
import type { AuditNote, AuditRecord, ReleaseRecords } from '../../../core/records/index.ts';
import type { AuditRow, Tables } from '../schema/index.ts';
import { bounded, plain, readDocument } from './row-values.ts';

const DEEPEST = 64;

/** Adds the next entry. The caller holds the lock of the releases' revision, so that no two get the same number. */
export async function appendAudit(transaction: Transaction<Tables>, nowMs: RawBuilder<number>, note: AuditNote): Promise<void> {
  const last = await transaction
    .selectFrom('audit')
    .select(['sequence', 'digest'])
    .orderBy('sequence', 'desc')
    .limit(1)
    .executeTakeFirst();
  const { rows } = await sql<{ at: number }>`SELECT ${nowMs} AS at`.execute(transaction);
  const { actor, action, subject, detail } = note;
  const entry = { sequence: (last?.sequence ?? 0) + 1, at: rows[0]?.at ?? 0, actor, action, subject, detail };
  const digest = auditDigest(entry, last?.digest);
  const row: AuditRow = { ...entry, detail: canonicalJson(detail), digest };
  await transaction.insertInto('audit').values(plain(row)).execute();
}

export async function readAudit(
  database: Kysely<Tables>,
  { after, most, subject }: Parameters<ReleaseRecords['readAudit']>[0],
): Promise<readonly AuditRecord[]> {
  if (subject?.includes('\0') === true) return [];
  const rows = await database
    .selectFrom('audit')
    .selectAll()
    .where('sequence', '>', after)
    .$if(subject !== undefined, (query) => query.where('subject', '=', subject ?? ''))
    .orderBy('sequence')
    .limit(bounded(most))
    .execute();
  return rows.map((row) => ({ ...row, detail: readDocument<JsonObject>(row.detail) }));
}

/**
 * SHA-256, in hexadecimal, over the digest of the entry before (nothing for the first one) and the entry without its digest as canonical
 * JSON: whoever changes an entry has to change all that follow.
 */
export function auditDigest(entry: Omit<AuditRecord, 'digest'>, previous = ''): string {
  const { sequence, at, actor, action, subject, detail } = entry;
  const text = canonicalJson({ sequence, at, actor, action, subject, detail });
  return createHash('sha256').update(previous).update(text, 'utf8').digest('hex');
}

/** Keys in order of their UTF-16 code units, no spaces, numbers as ECMAScript writes them: RFC 8785. */
function canonicalJson(value: JsonValue, depth = 0): string {
  if (depth > DEEPEST) throw new RangeError(`the detail of an audit entry is nested more than ${DEEPEST} deep`);
  if (Array.isArray(value)) return `[${value.map((item: JsonValue) => canonicalJson(item, depth + 1)).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const members = Object.entries(value).filter(([, member]) => member !== undefined);
  const texts = members
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, member]) => `${JSON.stringify(name)}:${canonicalJson(member, depth + 1)}`);
  return `{${texts.join(',')}}`;
}
