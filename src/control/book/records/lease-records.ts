import { sql, type Transaction } from 'kysely';
import { PlinthError } from '../../../core/errors/index.ts';
import type { Lease, LeaseRecords } from '../../../core/records/index.ts';
import type { BookDatabase, Tables } from '../schema/index.ts';
import { plain } from './row-values.ts';

/** The leases of a book, by the clock of its database. */
export function leaseRecords(database: BookDatabase): LeaseRecords {
  return {
    async takeLease(name, holder, ttlMs) {
      plain({ name, holder });
      // What a prolongation adds may be lost with the power; a token must not be.
      return (await prolong(database, { name, holder }, ttlMs)) ?? (await take(database, { name, holder }, ttlMs));
    },
    async giveLease({ name, holder, token }) {
      await database.write((transaction) =>
        transaction
          .updateTable('leases')
          .set({ expires_at: 0 })
          .where('name', '=', name)
          .where('holder', '=', holder)
          .where('token', '=', token)
          .execute(),
      );
    },
  };
}

type Claim = Pick<Lease, 'name' | 'holder'>;

function prolong(database: BookDatabase, claim: Claim, ttlMs: number): Promise<Lease | undefined> {
  return database.write(async (transaction) => {
    const row = await transaction
      .updateTable('leases')
      .set({ expires_at: sql<number>`${database.nowMs} + ${ttlOf(ttlMs)}` })
      .where('name', '=', claim.name)
      .where('holder', '=', claim.holder)
      .where('expires_at', '>', database.nowMs)
      .returning('token')
      .executeTakeFirst();
    return row === undefined ? undefined : { ...claim, token: row.token };
  }, 'process-end');
}

/** Takes what nobody holds. One that had run out gets a new token even for who held it: another may have looked at it meanwhile. */
function take(database: BookDatabase, claim: Claim, ttlMs: number): Promise<Lease | undefined> {
  return database.write(async (transaction) => {
    const expiresAt = sql<number>`${database.nowMs} + ${ttlOf(ttlMs)}`;
    const row = await transaction
      .insertInto('leases')
      .values({ ...claim, token: 1, expires_at: expiresAt })
      .onConflict((conflict) =>
        conflict
          .column('name')
          .doUpdateSet(({ eb, ref }) => ({
            holder: claim.holder,
            token: eb('leases.token', '+', 1),
            expires_at: ref('excluded.expires_at'),
          }))
          .where('leases.expires_at', '<=', database.nowMs),
      )
      .returning('token')
      .executeTakeFirst();
    return row === undefined ? undefined : { ...claim, token: row.token };
  });
}

/** Throws `stale_lease` unless the lease is in force; then nobody else can take it before this transaction has ended. */
export async function requireLease(database: BookDatabase, transaction: Transaction<Tables>, lease: Lease): Promise<void> {
  // An update of nothing: the lock of the row by words that both databases know.
  const row = await transaction
    .updateTable('leases')
    .set({ token: sql<number>`token` })
    .where('name', '=', lease.name)
    .returning(['holder', 'token', sql<number>`CASE WHEN expires_at > ${database.nowMs} THEN 1 ELSE 0 END`.as('is_in_force')])
    .executeTakeFirst();
  if (row !== undefined && row.holder === lease.holder && row.token === lease.token && row.is_in_force === 1) return;
  const isOthers = row !== undefined && (row.holder !== lease.holder || row.token !== lease.token);
  const message = `the lease ${lease.name} ${isOthers ? 'has gone to another holder' : 'has run out'}: take it again before you write`;
  throw new PlinthError({ code: 'stale_lease', message });
}

function ttlOf(ttlMs: number): number {
  if (Number.isFinite(ttlMs) && ttlMs > 0) return Math.ceil(ttlMs);
  throw new PlinthError({ code: 'invalid_request', message: `a lease lasts ${ttlMs} ms, expected more than 0` });
}
