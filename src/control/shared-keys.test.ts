import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { findPostgres, startPostgres, type TestPostgres } from '../../tests/support/postgres.ts';
import { openBook } from './book/index.ts';
import { openKeyring, type Keyring } from './keys/index.ts';

const programs = findPostgres();

interface Place {
  readonly home: string;
  readonly keyring: Keyring;
  close(): Promise<void>;
}

describe(
  'keys of a shared book',
  { skip: programs === undefined ? 'no PostgreSQL on this machine' : false, timeout: 120_000 },
  () => {
    let cluster: TestPostgres;
    let folder: string;
    let databaseUrl: string;
    let opened: Place[] = [];
    before(async () => {
      if (programs !== undefined) cluster = await startPostgres({ programs });
    });
    after(() => cluster?.remove());
    beforeEach(async () => {
      folder = await mkdtemp(join(tmpdir(), 'plinth-keys-'));
      databaseUrl = await cluster.createDatabase();
    });
    afterEach(async () => {
      for (const place of opened) await place.close();
      opened = [];
      await rm(folder, { recursive: true, force: true });
    });
    const open = async (name: string): Promise<Place> => {
      const home = join(folder, name);
      const book = await openBook({ home, databaseUrl });
      const keyring = await openKeyring({ book, home, pollIntervalMs: 20 });
      let closing: Promise<void> | undefined;
      const close = () => (closing ??= keyring.close().then(() => book.close()));
      const place = { home, keyring, close };
      opened.push(place);
      return place;
    };

    test('a key that is made in any home is good in all, and no home has a secret of its own for it', async () => {
      const places = await Promise.all(Array.from({ length: 6 }, (_, index) => open(`h${index}`)));
      for (const { keyring } of places) {
        const { id, key } = await keyring.create({ label: '', role: 'admin' });
        for (const other of places) await until(() => other.keyring.verify(key)?.keyId === id);
        await keyring.revoke(id);
        for (const other of places) await until(() => other.keyring.verify(key) === undefined);
      }
      for (const { home } of places) assert.equal(existsSync(join(home, 'secrets', 'key-hash.key')), false);
    });

    test('keys verify after a restart without the database, and none can be made', async () => {
      const [one, other] = [await open('one'), await open('other')];
      const { id, key } = await one.keyring.create({ label: 'before', role: 'inference' });
      await until(() => other.keyring.verify(key) !== undefined);
      await other.close();
      await cluster.stop('kill');
      try {
        const again = await open('other');
        assert.deepEqual(again.keyring.verify(key), { keyId: id, role: 'inference' });
        await assert.rejects(again.keyring.create({ label: '', role: 'inference' }), { code: 'model_unavailable' });
      } finally {
        await cluster.start();
      }
    });

    test('a book of the schema before gets its secret at the next start, and keeps it', async () => {
      await (await open('one')).close();
      const newer = 'ALTER TABLE plinth.answers DROP COLUMN key_id; DROP TABLE plinth.assignment_counts';
      await cluster.execute(`DROP TABLE plinth.secrets; ${newer}; DELETE FROM plinth.migrations WHERE version >= 4`, databaseUrl);
      const { keyring } = await open('one');
      const { key } = await keyring.create({ label: '', role: 'inference' });
      assert.ok((await open('other')).keyring.verify(key));
    });

    test('what is remembered on disk holds no key', async () => {
      const { keyring, home, close } = await open('one');
      const { key } = await keyring.create({ label: 'mine', role: 'inference' });
      await close();
      const text = await readFile(join(home, 'state', 'book-memory.json'), 'utf8');
      assert.ok(text.includes('mine') && !text.includes(key.split('_')[2] ?? ''));
    });
  },
);

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await delay(5);
}
