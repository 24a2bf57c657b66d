import assert from 'node:assert/strict';
import { chmod, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { readOrMakeSecret, type SecretPlace } from './index.ts';

describe('a secret of a home', () => {
  let place: SecretPlace;
  beforeEach(async () => {
    place = { home: await mkdtemp(join(tmpdir(), 'plinth-secret-')), fileName: 'a.key', remedy: 'restore it' };
  });
  afterEach(() => rm(place.home, { recursive: true }));

  const folder = () => join(place.home, 'secrets');
  const modeOf = async (path: string) => (await stat(path)).mode & 0o777;

  test('many that ask a new home at about the same time get one secret, and it stays', async () => {
    const ask = async (_: unknown, index: number) => {
      for (let turn = 0; turn < index; turn++) await nextTurn();
      return readOrMakeSecret(place);
    };
    const secrets = await Promise.all(Array.from({ length: 40 }, ask));
    secrets.push(await readOrMakeSecret(place));
    assert.equal(new Set(secrets.map((secret) => secret.toString('hex'))).size, 1);
    assert.equal(secrets[0]?.length, 32);
    assert.deepEqual(await readdir(folder()), ['a.key']);
  });

  test('another file name is another secret', async () => {
    const other = await readOrMakeSecret({ ...place, fileName: 'b.key' });
    assert.notDeepEqual(await readOrMakeSecret(place), other);
  });

  test('a secret whose file or folder is open to others is closed to them', async () => {
    const secret = await readOrMakeSecret(place);
    await chmod(join(folder(), 'a.key'), 0o644);
    await chmod(folder(), 0o755);
    assert.deepEqual(await readOrMakeSecret(place), secret);
    assert.deepEqual([await modeOf(join(folder(), 'a.key')), await modeOf(folder())], [0o600, 0o700]);
  });

  test('a file of another size is refused with what to do about it', async () => {
    await readOrMakeSecret(place);
    await writeFile(join(folder(), 'a.key'), 'short');
    const message = `${join(folder(), 'a.key')} holds 5 bytes, expected 32: restore it`;
    await assert.rejects(readOrMakeSecret(place), { name: 'PlinthError', code: 'internal_error', message });
  });
});
