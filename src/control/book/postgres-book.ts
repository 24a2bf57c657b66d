import { PlinthError } from '../../core/errors/index.ts';
import type { Logger } from '../../core/telemetry/index.ts';
import type { Book } from './book.ts';
import { evidenceRecords } from './evidence/index.ts';
import { BookMirror, MemoryFile, MemoryKeeper, rememberedRecords } from './memory/index.ts';
import { listenPostgres, PostgresLink, readAddress, type PostgresAddress } from './postgres/index.ts';
import { keyRecords, leaseRecords, modelRecords, releaseRecords } from './records/index.ts';
import { ReleaseWatch } from './release-watch.ts';

/** LISTEN tells of changes; this finds those that it missed, and a database that is gone. */
const LOOK_INTERVAL_MS = 1_000;

/** What a shared book stands on. */
export interface PostgresBookOptions {
  readonly home: string;
  readonly databaseUrl: string;
  readonly logger?: Logger | undefined;
}

/** The book that several gateways share. Throws when the database is gone and this home remembers nothing of it. */
export async function openPostgresBook({ home, databaseUrl, logger }: PostgresBookOptions): Promise<Book> {
  const address = readAddress(databaseUrl);
  const file = await MemoryFile.open({ home, identity: address.identity });
  const link = await PostgresLink.open({ address, logger });
  try {
    const keeper = new MemoryKeeper(file, logger);
    const mirror = new BookMirror(link, link.isUp ? undefined : await recall(file, link), (contents) => keeper.keep(contents));
    const { revisions } = await mirror.current();
    return new SharedBook({ address, link, mirror, keeper, revision: revisions.releases }).face;
  } catch (error) {
    await link.close();
    throw error;
  }
}

async function recall(file: MemoryFile, link: PostgresLink) {
  const contents = await file.read();
  if (contents !== undefined) return contents;
  const message = `the database of the book cannot be reached (${link.reason}), and this home has no last known state to serve from`;
  throw new PlinthError({ code: 'model_unavailable', message });
}

interface Parts {
  readonly address: PostgresAddress;
  readonly link: PostgresLink;
  readonly mirror: BookMirror;
  readonly keeper: MemoryKeeper;
  readonly revision: number;
}

/** Joins the parts of a shared book, and keeps them up to date. */
class SharedBook {
  readonly #parts: Parts;
  readonly #watch: ReleaseWatch;
  #stopWatching: (() => void) | undefined;
  #closing: Promise<void> | undefined;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#watch = new ReleaseWatch(async () => (await parts.mirror.current()).revisions.releases, parts.revision);
    parts.link.onLoss(() => void parts.keeper.flush());
    parts.link.onReturn(() => void this.#catchUp().then(() => this.#watch.fire()));
  }

  get face(): Book {
    const { link, mirror } = this.#parts;
    const keys = keyRecords(link);
    const models = modelRecords(link);
    const releases = releaseRecords(link, (revision) => this.#watch.note(revision));
    const leases = leaseRecords(link);
    return {
      kind: 'postgresql',
      ...models,
      ...keys,
      ...releases,
      ...leases,
      ...evidenceRecords(link),
      ...rememberedRecords(mirror),
      addKey: (record) => this.#remembering(keys.addKey(record)),
      revokeKey: (id, revokedAt) => this.#remembering(keys.revokeKey(id, revokedAt)),
      putModel: (record) => this.#remembering(models.putModel(record)),
      removeModel: (name) => this.#remembering(models.removeModel(name)),
      change: (change) => this.#remembering(releases.change(change)),
      takeLease: (name, holder, ttlMs) => leases.takeLease(name, holder, ttlMs).catch(undefinedWhenGone),
      giveLease: async (lease) => void (await leases.giveLease(lease).catch(undefinedWhenGone)),
      watchReleases: (onChanged) => this.#watchReleases(onChanged),
      isStale: () => !link.isUp,
      close: () => {
        this.#closing ??= this.#close();
        return this.#closing;
      },
    };
  }

  /** What is acknowledged is remembered: a key that was revoked stays so when the database goes in the next moment. */
  async #remembering<T>(writing: Promise<T>): Promise<T> {
    const result = await writing;
    await this.#catchUp();
    return result;
  }

  async #catchUp(): Promise<void> {
    await this.#parts.mirror.current().catch(() => {});
  }

  #watchReleases(onChanged: () => void): () => void {
    if (this.#closing === undefined) this.#stopWatching ??= this.#startWatching();
    const stop = this.#watch.add(onChanged);
    return () => {
      stop();
      if (!this.#watch.isWatched) this.#endWatching();
    };
  }

  #startWatching(): () => void {
    const look = () => void this.#watch.look();
    const timer = setInterval(look, LOOK_INTERVAL_MS).unref();
    const stopListening = listenPostgres(this.#parts.address.config, look);
    return () => {
      clearInterval(timer);
      stopListening();
    };
  }

  #endWatching(): void {
    this.#stopWatching?.();
    this.#stopWatching = undefined;
  }

  async #close(): Promise<void> {
    this.#endWatching();
    await this.#parts.keeper.flush();
    await this.#parts.link.close();
  }
}

function undefinedWhenGone(error: unknown): undefined {
  if (error instanceof PlinthError && error.code === 'model_unavailable') return undefined;
  throw error;
}
