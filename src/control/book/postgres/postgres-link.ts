import { setTimeout as delay } from 'node:timers/promises';
import { Kysely, PostgresDialect, sql, type Transaction } from 'kysely';
import { PlinthError } from '../../../core/errors/index.ts';
import type { Logger } from '../../../core/telemetry/index.ts';
import type { BookDatabase, Durability, Tables } from '../schema/index.ts';
import { migratePostgres } from './migrate-postgres.ts';
import type { PostgresAddress } from './postgres-address.ts';
import { LostRaceError, unavailable, UnreachableError } from './postgres-failure.ts';
import { openPool } from './postgres-pool.ts';

const FIRST_RETRY_MS = 100;
const LONGEST_RETRY_MS = 1_000;
/** How long a read waits for a new connection before it gives up on a database that was there a moment ago. */
const GRACE_MS = 500;
const MOST_ATTEMPTS = 5;
const CLOSE_TIMEOUT_MS = 2_000;
/** The channel of NOTIFY. */
export const CHANNEL = 'plinth_releases';

/** What a link stands on. */
export interface PostgresLinkOptions {
  readonly address: PostgresAddress;
  readonly logger: Logger | undefined;
}

/** A PostgreSQL book that may be gone: it notices, refuses at once what needs the database, and connects again by itself. */
export class PostgresLink implements BookDatabase {
  readonly nowMs = sql<number>`(extract(epoch from clock_timestamp()) * 1000)::bigint`;
  readonly #options: PostgresLinkOptions;
  readonly #lossListeners = new Set<() => void>();
  readonly #returnListeners = new Set<() => void>();
  #database: Kysely<Tables> | undefined;
  #reason = 'connection lost';
  #returning: Promise<void> | undefined;
  #isClosed = false;

  private constructor(options: PostgresLinkOptions) {
    this.#options = options;
  }

  /** The link, up or down. Throws where waiting cannot help: login refused, no such database, schema of a newer release. */
  static async open(options: PostgresLinkOptions): Promise<PostgresLink> {
    const link = new PostgresLink(options);
    try {
      link.#database = await link.#connect();
    } catch (error) {
      if (!(error instanceof UnreachableError)) throw error;
      if (error.isMisconfiguration) {
        const message = `cannot open the book: the database refuses the connection (SQLSTATE ${error.reason})`;
        throw new PlinthError({ code: 'internal_error', message });
      }
      link.#lose(undefined, error.reason);
    }
    return link;
  }

  get isUp(): boolean {
    return this.#database !== undefined;
  }

  /** Why it is down. */
  get reason(): string {
    return this.#reason;
  }

  /** Calls back each time the database is gone. */
  onLoss(listener: () => void): void {
    this.#lossListeners.add(listener);
  }

  /** Calls back each time the database is there again. */
  onReturn(listener: () => void): void {
    this.#returnListeners.add(listener);
  }

  async read<T>(work: (database: Kysely<Tables>) => Promise<T>): Promise<T> {
    try {
      return await this.#attempt(work);
    } catch (error) {
      if (!(error instanceof UnreachableError)) throw tellable(error);
    }
    // One lost connection is no lost database.
    await this.#waitForReturn();
    return this.#attempt(work).catch((error: unknown) => {
      throw tellable(error);
    });
  }

  readAtOnce<T>(work: (database: Kysely<Tables>) => Promise<T>): Promise<T> {
    return this.read((database) =>
      database.transaction().setIsolationLevel('repeatable read').setAccessMode('read only').execute(work),
    );
  }

  async write<T>(work: (transaction: Transaction<Tables>) => Promise<T>, durability: Durability = 'power-loss'): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      const progress = { isCommitting: false };
      try {
        return await this.#attempt((database) => transact(database, { work, durability, progress }));
      } catch (error) {
        if (error instanceof LostRaceError && attempt < MOST_ATTEMPTS) continue;
        throw tellable(error, progress.isCommitting ? '; whether this change was kept is not known' : '');
      }
    }
  }

  async announce(transaction: Transaction<Tables>): Promise<void> {
    await sql`SELECT pg_notify(${CHANNEL}, '')`.execute(transaction);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    const database = this.#database;
    this.#database = undefined;
    this.#reason = 'the book is closed';
    await Promise.race([database?.destroy(), delay(CLOSE_TIMEOUT_MS, undefined, { ref: false })]);
  }

  async #attempt<T>(work: (database: Kysely<Tables>) => Promise<T>): Promise<T> {
    const database = this.#database;
    if (database === undefined) throw unavailable(this.#reason);
    try {
      return await work(database);
    } catch (error) {
      if (error instanceof UnreachableError) this.#lose(database, error.reason);
      // Another caller lost it meanwhile, and its connections were taken away.
      else if (this.#database !== database && !(error instanceof PlinthError)) throw new UnreachableError(this.#reason);
      throw error;
    }
  }

  async #connect(): Promise<Kysely<Tables>> {
    const pool = openPool(this.#options.address.config);
    const database = new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) });
    try {
      await migratePostgres(database);
      return database.withSchema('plinth');
    } catch (error) {
      await database.destroy();
      throw error;
    }
  }

  /** Does nothing when `lost` was replaced meanwhile. */
  #lose(lost: Kysely<Tables> | undefined, reason: string): void {
    if (this.#isClosed || this.#database !== lost) return;
    this.#database = undefined;
    this.#reason = reason;
    // What still runs on it ends by itself; nobody waits for it.
    lost?.destroy().catch(() => {});
    this.#options.logger?.warn({ reason }, 'the database of the book is gone; the last known state stays in force');
    this.#returning = this.#comeBack();
    for (const listener of this.#lossListeners) listener();
  }

  async #comeBack(): Promise<void> {
    for (let waitMs = FIRST_RETRY_MS; !this.#isClosed; waitMs = Math.min(2 * waitMs, LONGEST_RETRY_MS)) {
      try {
        const database = await this.#connect();
        if (this.#isClosed) return await database.destroy();
        this.#database = database;
        break;
      } catch (error) {
        this.#reason = reasonOf(error);
      }
      // Apart from each other: all gateways lost it at the same moment.
      await delay(waitMs * (0.75 + Math.random() / 2), undefined, { ref: false });
    }
    if (this.#isClosed) return;
    this.#options.logger?.info('the database of the book is back');
    for (const listener of this.#returnListeners) listener();
  }

  async #waitForReturn(): Promise<void> {
    const patience = new AbortController();
    const grace = delay(GRACE_MS, undefined, { signal: patience.signal }).catch(() => {});
    await Promise.race([this.#returning, grace]);
    patience.abort();
  }
}

interface Transacting<T> {
  readonly work: (transaction: Transaction<Tables>) => Promise<T>;
  readonly durability: Durability;
  readonly progress: { isCommitting: boolean };
}

function transact<T>(database: Kysely<Tables>, { work, durability, progress }: Transacting<T>): Promise<T> {
  return database.transaction().execute(async (transaction) => {
    if (durability === 'process-end') await sql`SET LOCAL synchronous_commit = off`.execute(transaction);
    const result = await work(transaction);
    progress.isCommitting = true;
    return result;
  });
}

/** A failure as callers may see it. */
function tellable(error: unknown, note = ''): unknown {
  if (error instanceof UnreachableError) return unavailable(error.reason, note);
  if (!(error instanceof LostRaceError)) return error;
  return new PlinthError({ code: 'model_unavailable', message: `the database is too busy: ${error.message}` });
}

function reasonOf(error: unknown): string {
  if (error instanceof UnreachableError) return error.reason;
  return error instanceof PlinthError ? error.message : 'it cannot be used';
}
