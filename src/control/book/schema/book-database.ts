import type { Kysely, RawBuilder, Transaction } from 'kysely';
import type { Tables } from './tables.ts';

/** What a committed change outlives. Both outlive the death of the process. */
export type Durability = 'power-loss' | 'process-end';

/** A database that holds a book: the one face that SQLite and PostgreSQL show to the records. */
export interface BookDatabase {
  /** Unix milliseconds by the database's own clock, for use in statements. */
  readonly nowMs: RawBuilder<number>;
  /** Statements by themselves. Throws `model_unavailable` when the database cannot be reached. */
  read<T>(work: (database: Kysely<Tables>) => Promise<T>): Promise<T>;
  /** Statements that all see the same moment. */
  readAtOnce<T>(work: (database: Kysely<Tables>) => Promise<T>): Promise<T>;
  /** One transaction, for `power-loss` unless said otherwise. `work` may run again when it lost against another one. */
  write<T>(work: (transaction: Transaction<Tables>) => Promise<T>, durability?: Durability): Promise<T>;
  /** Tells other processes, once the transaction is committed, that releases have changed. */
  announce(transaction: Transaction<Tables>): Promise<void>;
  close(): Promise<void>;
}
