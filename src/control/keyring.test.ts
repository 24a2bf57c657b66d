import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { openBook, type Book } from './book/index.ts';
import { openKeyring, type FixedKeys, type Keyring } from './keys/index.ts';

describe('keyring', () => {
  let home: string;
  let book: Book;
  const opened: Keyring[] = [];
  const open = async (fixedKeys?: FixedKeys, over: Book = book): Promise<Keyring> => {
    const keyring = await openKeyring({ book: over, home, pollIntervalMs: 20, ...(fixedKeys ? { fixedKeys } : {}) });
    opened.push(keyring);
    return keyring;
  };

  before(async () => {
    home = await mkdtemp(join(tmpdir(), 'plinth-keys-'));
    book = await openBook({ home });
  });
  after(async () => {
    for (const keyring of opened) await keyring.close();
    await book.close();
    await rm(home, { recursive: true });
  });

  test('a new key verifies with its id and role, and any change of its text does not', async () => {
    const keyring = await open();
    const { id, key } = await keyring.create({ label: 'laptop', role: 'inference' });
    assert.match(key, /^plk_[a-z0-9]+_[A-Za-z0-9_-]{27,}$/);
    assert.deepEqual(keyring.verify(key), { keyId: id, role: 'inference' });
    for (let at = 0; at < key.length; at++) {
      const changed = key.slice(0, at) + (key[at] === 'x' ? 'y' : 'x') + key.slice(at + 1);
      assert.equal(keyring.verify(changed), undefined, changed);
    }
    for (const other of ['', 'plk_', `${key}x`, ` ${key}`, `plk_${id}_`, 'x'.repeat(10_000)])
      assert.equal(keyring.verify(other), undefined);
  });

  test('neither the key nor its hash is told or stored in clear', async () => {
    const keyring = await open();
    const { id, key } = await keyring.create({ label: 'secretive', role: 'admin' });
    const facts = (await keyring.list()).find((entry) => entry.id === id);
    assert.deepEqual(Object.keys(facts ?? {}).toSorted(), ['createdAt', 'id', 'label', 'role']);
    const secret = key.split('_').slice(2).join('_');
    for (const name of await readdir(home)) {
      // Read by another process: closing the file in this one would drop the book's locks.
      if (name.startsWith('plinth.db')) assert.equal(execFileSync('cat', [join(home, name)]).includes(secret), false, name);
    }
  });

  test('labels that cannot be shown are refused', async () => {
    const keyring = await open();
    for (const label of ['x'.repeat(101), 'a\nb', '\u001b[31mred', '\u202eevil']) {
      await assert.rejects(keyring.create({ label, role: 'inference' }), { code: 'invalid_request' });
    }
    for (const label of ['Köln 🔑', '']) assert.ok(await keyring.create({ label, role: 'inference' }));
  });

  test('a revoked key stops working at once, and cannot be revoked twice', async () => {
    const keyring = await open();
    const { id, key } = await keyring.create({ label: 'short-lived', role: 'inference' });
    assert.ok(keyring.verify(key));
    assert.equal(await keyring.revoke(id), true);
    assert.equal(keyring.verify(key), undefined);
    assert.equal(await keyring.revoke(id), false);
    assert.equal(await keyring.revoke('nobody'), false);
  });

  test('keys made and revoked through another connection are noticed by polling', async () => {
    const keyring = await open();
    const otherBook = await openBook({ home });
    const other = await open(undefined, otherBook);
    const { id, key } = await other.create({ label: 'from elsewhere', role: 'inference' });
    await until(() => keyring.verify(key) !== undefined);
    await other.revoke(id);
    await until(() => keyring.verify(key) === undefined);
    await other.close();
    await otherBook.close();
  });

  test('fixed keys verify, count as present and are never stored', async () => {
    const plain = await open();
    const before = (await plain.list()).length;
    const keyring = await open({ apiKey: 'sk-from-environment', adminKey: 'correct horse battery' });
    assert.deepEqual(keyring.verify('sk-from-environment'), { keyId: 'fixed-inference', role: 'inference' });
    assert.deepEqual(keyring.verify('correct horse battery'), { keyId: 'fixed-admin', role: 'admin' });
    assert.equal(keyring.verify('sk-from-environmenT'), undefined);
    assert.equal(plain.verify('sk-from-environment'), undefined);
    assert.equal((await keyring.list()).length, before);
  });

  test('a role is empty until it has a usable key', async () => {
    const emptyHome = await mkdtemp(join(tmpdir(), 'plinth-keys-'));
    const emptyBook = await openBook({ home: emptyHome });
    const keyring = await openKeyring({ book: emptyBook, home: emptyHome });
    assert.equal(keyring.isEmpty('inference'), true);
    const { id } = await keyring.create({ label: 'only', role: 'inference' });
    assert.deepEqual([keyring.isEmpty('inference'), keyring.isEmpty('admin')], [false, true]);
    await keyring.revoke(id);
    assert.equal(keyring.isEmpty('inference'), true);
    const withFixed = await openKeyring({ book: emptyBook, home: emptyHome, fixedKeys: { adminKey: 'a' } });
    assert.equal(withFixed.isEmpty('admin'), false);
    await Promise.all([keyring.close(), withFixed.close()]);
    await emptyBook.close();
    await rm(emptyHome, { recursive: true });
  });

  test('the last use of a key is noted when the keyring closes', async () => {
    const keyring = await openKeyring({ book, home });
    const { id, key } = await keyring.create({ label: 'used', role: 'inference' });
    const before = Date.now();
    keyring.verify(key);
    await keyring.close();
    const facts = (await (await open()).list()).find((entry) => entry.id === id);
    assert.ok((facts?.lastUsedAt ?? 0) >= before);
  });

  test('keyrings that start together on a new home share one hash key of mode 0600', async () => {
    const newHome = await mkdtemp(join(tmpdir(), 'plinth-keys-'));
    const newBook = await openBook({ home: newHome });
    const keyrings = await Promise.all(
      Array.from({ length: 8 }, () => openKeyring({ book: newBook, home: newHome, pollIntervalMs: 20 })),
    );
    const { key } = (await keyrings[0]?.create({ label: 'first', role: 'inference' })) ?? { key: '' };
    await until(() => keyrings.every((keyring) => keyring.verify(key) !== undefined));
    assert.deepEqual(await readdir(join(newHome, 'secrets')), ['key-hash.key']);
    assert.equal((await stat(join(newHome, 'secrets', 'key-hash.key'))).mode & 0o777, 0o600);
    assert.equal((await stat(join(newHome, 'secrets'))).mode & 0o777, 0o700);
    await Promise.all(keyrings.map((keyring) => keyring.close()));
    await newBook.close();
    await rm(newHome, { recursive: true });
  });

  test('a damaged hash key is refused with its size', async () => {
    const badHome = await mkdtemp(join(tmpdir(), 'plinth-keys-'));
    const badBook = await openBook({ home: badHome });
    await (await openKeyring({ book: badBook, home: badHome })).close();
    await writeFile(join(badHome, 'secrets', 'key-hash.key'), 'short');
    await assert.rejects(openKeyring({ book: badBook, home: badHome }), /holds 5 bytes, expected 32/);
    await badBook.close();
    await rm(badHome, { recursive: true });
  });
});

async function until(isDone: () => boolean): Promise<void> {
  for (let attempt = 0; attempt < 500 && !isDone(); attempt++) await new Promise((resolve) => setTimeout(resolve, 10));
  assert.ok(isDone());
}
