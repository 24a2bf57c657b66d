import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, describe } from 'node:test';
import { findPostgres, startPostgres, type TestPostgres } from './postgres.ts';

/** Where an empty book can be opened: what `openBook` takes. */
export interface EmptyPlace {
  readonly home: string;
  readonly databaseUrl?: string;
}

/** One of the databases that a book can lie in. The same tests run on each. */
export interface BookDatabaseKind {
  readonly name: string;
  /** Why its tests are left out on this machine. */
  readonly skip: string | false;
  start(): Promise<void>;
  empty(): Promise<EmptyPlace>;
  stop(): Promise<void>;
}

/** SQLite, and the PostgreSQL of this machine. */
export function bookDatabaseKinds(): readonly BookDatabaseKind[] {
  return [sqlite(), postgres()];
}

/** Defines the same tests for each of the databases. Each test has an empty place of its own, which `place()` gives while it runs. */
export function describeOnEach(
  title: string,
  define: (place: () => EmptyPlace) => void,
  options: { readonly timeout?: number } = {},
): void {
  for (const kind of bookDatabaseKinds()) {
    describe(`${title} on ${kind.name}`, { skip: kind.skip, ...options }, () => {
      let current: EmptyPlace | undefined;
      before(() => kind.start());
      after(() => kind.stop());
      beforeEach(async () => {
        current = await kind.empty();
      });
      define(() => {
        if (current === undefined) throw new Error('a place is there only while a test runs');
        return current;
      });
    });
  }
}

function sqlite(): BookDatabaseKind {
  const homes = new Homes();
  return {
    name: 'SQLite',
    skip: false,
    start: async () => {},
    empty: async () => ({ home: await homes.make() }),
    stop: () => homes.remove(),
  };
}

function postgres(): BookDatabaseKind {
  const programs = findPostgres();
  const homes = new Homes();
  let cluster: TestPostgres | undefined;
  return {
    name: 'PostgreSQL',
    skip: programs === undefined ? 'no PostgreSQL on this machine' : false,
    async start() {
      if (programs !== undefined) cluster = await startPostgres({ programs });
    },
    async empty() {
      if (cluster === undefined) throw new Error('PostgreSQL was not started');
      return { home: await homes.make(), databaseUrl: await cluster.createDatabase() };
    },
    async stop() {
      await cluster?.remove();
      await homes.remove();
    },
  };
}

class Homes {
  readonly #folders: string[] = [];

  async make(): Promise<string> {
    const folder = await mkdtemp(join(tmpdir(), 'plinth-book-'));
    this.#folders.push(folder);
    return folder;
  }

  async remove(): Promise<void> {
    for (const folder of this.#folders) await rm(folder, { recursive: true, force: true });
  }
}
