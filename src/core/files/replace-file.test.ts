import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { hasCode, replaceFile } from './index.ts';

describe('replacing a file', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'plinth-replace-'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  test('the newer contents stand there for the owner only, and nothing beside them', async () => {
    const filePath = join(folder, 'a.json');
    await replaceFile(filePath, 'one, which is longer');
    await replaceFile(filePath, 'two');
    assert.equal(await readFile(filePath, 'utf8'), 'two');
    assert.equal((await stat(filePath)).mode & 0o777, 0o600);
    assert.deepEqual(await readdir(folder), ['a.json']);
  });

  test('a file that cannot be put in place leaves nothing behind', async () => {
    await mkdir(join(folder, 'taken'));
    await assert.rejects(replaceFile(join(folder, 'taken'), 'one'), (error) => hasCode(error, 'EISDIR', 'ENOTEMPTY'));
    assert.deepEqual(await readdir(folder), ['taken']);
  });
});

test('an error has the code that it carries, and what is no error has none', () => {
  const full = Object.assign(new Error('full'), { code: 'ENOSPC' });
  assert.equal(hasCode(full, 'EACCES', 'ENOSPC'), true);
  assert.equal(hasCode(full, 'EACCES'), false);
  assert.equal(hasCode({ code: 'ENOSPC' }, 'ENOSPC'), false);
  assert.equal(hasCode(new Error('plain'), 'ENOSPC'), false);
});
