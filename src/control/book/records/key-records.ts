import type { Kysely } from 'kysely';
import { PlinthError } from '../../../core/errors/index.ts';
import type { KeyRecord, KeyRecords } from '../../../core/records/index.ts';
import type { BookDatabase, KeyRow, Tables } from '../schema/index.ts';
import { raise, readRevision } from './revisions.ts';
import { plain } from './row-values.ts';

/** The keys of a book, in either database. */
export function keyRecords(database: BookDatabase): KeyRecords {
  return {
    addKey: (record) =>
      database.write(async (transaction) => {
        await raise(transaction, 'keys');
        const { numInsertedOrUpdatedRows } = await transaction
          .insertInto('keys')
          .values(plain(toRow(record)))
          .onConflict((conflict) => conflict.column('id').doNothing())
          .executeTakeFirstOrThrow();
        if (numInsertedOrUpdatedRows !== 1n)
          throw new PlinthError({ code: 'conflict', message: `there is a key with the id ${record.id} already` });
      }),
    listKeys: () => database.read(readKeys),
    revokeKey: (id, revokedAt) =>
      database.write(async (transaction) => {
        const { numUpdatedRows } = await transaction
          .updateTable('keys')
          .set({ revoked_at: revokedAt })
          .where('id', '=', plain({ id }).id)
          .where('revoked_at', 'is', null)
          .executeTakeFirstOrThrow();
        if (numUpdatedRows > 0n) await raise(transaction, 'keys');
        return numUpdatedRows > 0n;
      }),
    noteKeyUses: (uses) => noteKeyUses(database, uses),
    keySecret: () => database.read(readKeySecret),
    keysRevision: () => database.read((reading) => readRevision(reading, 'keys')),
  };
}

/** All keys, oldest first. */
export async function readKeys(database: Kysely<Tables>): Promise<readonly KeyRecord[]> {
  const rows = await database.selectFrom('keys').selectAll().orderBy('created_at').orderBy('id').execute();
  return rows.map(toRecord);
}

/** The secret that the first process of a shared book has written. */
export async function readKeySecret(database: Kysely<Tables>): Promise<string | undefined> {
  const row = await database.selectFrom('secrets').select('value').where('name', '=', 'key-hash').executeTakeFirst();
  return row?.value;
}

async function noteKeyUses(database: BookDatabase, uses: ReadonlyMap<string, number>): Promise<void> {
  await database.write(async (transaction) => {
    // First of all, so that two processes never hold rows that the other waits for.
    await raise(transaction, 'key-uses');
    for (const [id, usedAt] of uses) {
      await transaction
        .updateTable('keys')
        .set({ last_used_at: usedAt })
        .where('id', '=', plain({ id }).id)
        .where(({ or, eb }) => or([eb('last_used_at', 'is', null), eb('last_used_at', '<', usedAt)]))
        .execute();
    }
  });
}

function toRow(record: KeyRecord): KeyRow {
  return {
    id: record.id,
    label: record.label,
    role: record.role,
    hash: record.hash,
    created_at: record.createdAt,
    revoked_at: record.revokedAt ?? null,
    last_used_at: record.lastUsedAt ?? null,
  };
}

function toRecord(row: KeyRow): KeyRecord {
  return {
    id: row.id,
    label: row.label,
    role: row.role === 'admin' ? 'admin' : 'inference',
    hash: row.hash,
    createdAt: row.created_at,
    ...(row.revoked_at === null ? {} : { revokedAt: row.revoked_at }),
    ...(row.last_used_at === null ? {} : { lastUsedAt: row.last_used_at }),
  };
}
