import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { writeTarGz } from '../../tests/support/archives.ts';
import { startFileHost, type FileHost } from '../../tests/support/file-host.ts';
import {
  describeRepository,
  hostedFile,
  offerRepository,
  repositoryUrl,
  writeAdder,
} from '../../tests/support/hosted-repository.ts';
import { createLogger } from '../core/telemetry/index.ts';
import { openBook, type Book } from './book/index.ts';
import { openModelStore, type ModelStore, type ModelStoreOptions, type PullProgress } from './registry/index.ts';

const MEBIBYTE = 1024 * 1024;
const logger = createLogger({ level: 'silent' });
const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

const model = writeAdder(1);
const config = Buffer.from(JSON.stringify({ architectures: ['BertModel'] }));
const tokenizer = Buffer.from('{"version":"1.0"}');
const repository: Readonly<Record<string, Buffer>> = {
  'README.md': Buffer.from('# a model'),
  'config.json': config,
  'onnx/model.onnx': model,
  'onnx/model_fp16.onnx': writeAdder(3),
  'pytorch_model.bin': Buffer.from('never fetched'),
  'tokenizer.json': tokenizer,
};

describe('models of several files', () => {
  let home: string;
  let host: FileHost;
  let book: Book;
  let store: ModelStore;

  const openStore = (more: Partial<ModelStoreOptions> = {}): ModelStore =>
    openModelStore({ home, book, logger, environment: { ...process.env, HF_ENDPOINT: host.url }, ...more });
  const offer = (files: Readonly<Record<string, Buffer>>, digests: Readonly<Record<string, string>> = {}): void =>
    offerRepository(host, files, digests);
  const fetched = (): string[] => host.requests.map((request) => request.path).filter((path) => !path.startsWith('/api/'));
  const left = async (part: string): Promise<string[]> => readdir(join(home, 'models', part));

  beforeEach(async () => {
    home = await mkdtemp(join(tmpdir(), 'plinth-folders-'));
    host = await startFileHost();
    book = await openBook({ home });
    store = openStore();
  });
  afterEach(async () => {
    await book.close();
    await host.close();
    await rm(home, { recursive: true });
  });

  test('a repository of a hub becomes a folder with the graph and what it needs, and is not asked for again', async () => {
    offer(repository);
    const phases: PullProgress[] = [];
    const obtained = await store.obtain('hf:org/repo', { onProgress: (progress) => phases.push(progress) });
    const { folderPath = '', files = [] } = obtained;
    assert.deepEqual(
      files.map((file) => [file.path, file.sha256, file.bytes]),
      [
        ['onnx/model.onnx', sha256(model), model.length],
        ['config.json', sha256(config), config.length],
        ['tokenizer.json', sha256(tokenizer), tokenizer.length],
      ],
    );
    assert.deepEqual([obtained.name, obtained.engine, obtained.task, obtained.licence], ['repo', 'onnx', 'embed', 'mit']);
    assert.equal(obtained.filePath, join(folderPath, 'onnx/model.onnx'));
    assert.equal(obtained.bytes, model.length + config.length + tokenizer.length);
    for (const { path } of files) assert.deepEqual(await readFile(join(folderPath, path)), repository[path]);
    assert.equal((await stat(obtained.filePath)).nlink, 2);
    assert.deepEqual(fetched().toSorted(), files.map((file) => repositoryUrl(file.path)).toSorted());
    assert.ok(phases.some((progress) => progress.phase === 'downloading' && progress.totalBytes === obtained.bytes));
    const count = host.requests.length;
    assert.deepEqual(await store.obtain('repo'), obtained);
    assert.equal(host.requests.length, count);
    assert.deepEqual(await store.list(), [obtained]);
    assert.deepEqual(await left('partial'), []);
  });

  test('a graph that is named comes with the same tokenizer, which both models share', async () => {
    offer(repository);
    const one = await store.obtain('hf:org/repo');
    const other = await store.obtain('hf:org/repo/onnx/model_fp16.onnx');
    assert.equal(other.filePath.endsWith('/onnx/model_fp16.onnx'), true);
    assert.match(other.name, /^repo-[0-9a-f]{8}$/);
    assert.equal((await left('blobs')).length, 4);
    await store.remove(one.name);
    assert.deepEqual(await readFile(join(other.folderPath ?? '', 'tokenizer.json')), tokenizer);
    assert.equal((await store.obtain('hf:org/repo/onnx/model_fp16.onnx')).sha256, other.sha256);
    await store.remove(other.name);
    assert.deepEqual([await left('blobs'), await left('folders')], [[], []]);
  });

  test('a pull that is stopped goes on where it was, file by file', async () => {
    offer(repository);
    const slow = { ...hostedFile(model), pauseMs: 20 };
    host.files.set(repositoryUrl('onnx/model.onnx'), slow);
    const controller = new AbortController();
    const onProgress = ({ receivedBytes }: PullProgress) => receivedBytes > MEBIBYTE && controller.abort();
    await assert.rejects(store.obtain('hf:org/repo', { signal: controller.signal, onProgress }), { code: 'cancelled' });
    assert.deepEqual([await left('folders'), await store.list()], [[], []]);
    host.files.set(repositoryUrl('onnx/model.onnx'), hostedFile(model));
    const obtained = await store.obtain('hf:org/repo');
    assert.deepEqual(await readFile(obtained.filePath), model);
    assert.ok(host.requests.some((request) => /^bytes=[1-9]\d*-$/.test(request.range ?? '')));
  });

  test('bytes with another digest than the hub announces are not stored', async () => {
    offer(repository, { 'onnx/model.onnx': '0'.repeat(64) });
    await assert.rejects(store.obtain('hf:org/repo'), {
      code: 'model_unavailable',
      message: /onnx\/model\.onnx: it sent another file: sha256/,
    });
    assert.deepEqual([await left('folders'), await left('partial'), await store.list()], [[], [], []]);
  });

  test('a damaged file is fetched again, and only that file', async () => {
    offer(repository);
    const { filePath } = await store.obtain('hf:org/repo');
    const { mtime } = await stat(filePath);
    const damages: Array<() => Promise<void>> = [
      async () => {
        await writeFile(filePath, Buffer.concat([Buffer.from('x'), model.subarray(1)]));
        await utimes(filePath, mtime, mtime);
      },
      () => rm(join(home, 'models', 'blobs', `sha256-${sha256(model)}`)),
    ];
    for (const damage of damages) {
      await damage();
      host.requests.length = 0;
      assert.deepEqual(await readFile((await store.obtain('hf:org/repo')).filePath), model);
      assert.deepEqual(fetched(), [repositoryUrl('onnx/model.onnx')]);
    }
  });

  test('a folder that somebody has taken apart is put together again without a fetch', async () => {
    offer(repository);
    const { folderPath = '', filePath } = await store.obtain('hf:org/repo');
    host.requests.length = 0;
    await rm(join(folderPath, 'config.json'));
    await store.obtain('hf:org/repo');
    assert.deepEqual(await readFile(join(folderPath, 'config.json')), config);
    await rm(folderPath, { recursive: true });
    assert.equal((await store.obtain('hf:org/repo')).filePath, filePath);
    assert.equal((await stat(filePath)).size, model.length);
    assert.equal(host.requests.length, 0);
  });

  test('content that changed since the first use is refused until the model is removed', async () => {
    offer(repository);
    const first = await store.obtain('hf:org/repo');
    await rm(join(home, 'models', 'blobs', `sha256-${sha256(tokenizer)}`));
    offer({ ...repository, 'tokenizer.json': Buffer.from('{"version":"2.0"}') });
    await assert.rejects(store.obtain('hf:org/repo'), {
      code: 'model_unavailable',
      message: /tokenizer\.json: it sent another file/,
    });
    assert.equal(await store.remove('repo'), true);
    assert.notEqual((await store.obtain('hf:org/repo')).sha256, first.sha256);
  });

  test('a graph that is no sound one leaves nothing behind', async () => {
    offer({ ...repository, 'onnx/model.onnx': Buffer.from('<html>You are not logged in</html>') });
    await assert.rejects(store.obtain('hf:org/repo'), { code: 'invalid_model_file' });
    assert.deepEqual([await left('blobs'), await left('folders'), await left('partial'), await store.list()], [[], [], [], []]);
  });

  test('a repository without a graph, or whose description makes no sense, says so', async () => {
    offer({ 'config.json': config, 'model.safetensors': Buffer.from('x') });
    await assert.rejects(store.obtain('hf:org/repo'), /hf:org\/repo: it has no \.onnx file/);
    describeRepository(host, []);
    await assert.rejects(store.obtain('hf:org/repo'), /in a way that is not understood/);
  });

  test('paths that leave the folder are not taken', async () => {
    offer({ ...repository, '../../evil/config.json': config, 'onnx/../../model.onnx': model });
    const { files } = await store.obtain('hf:org/repo');
    assert.equal(files?.length, 3);
  });

  test('one download of a package serves all its files', async () => {
    publish(host, 'tiny-onnx', repository);
    const environment = { ...process.env, npm_config_registry: `${host.url}/`, npm_config_cache: join(home, 'npm-cache') };
    const packages = openStore({ environment });
    const obtained = await packages.obtain('npm:tiny-onnx@1.0.0');
    assert.deepEqual([obtained.name, obtained.task, obtained.licence], ['tiny-onnx', 'embed', 'ISC']);
    for (const { path } of obtained.files ?? [])
      assert.deepEqual(await readFile(join(obtained.folderPath ?? '', path)), repository[path]);
    assert.equal(host.requests.filter((request) => request.path.endsWith('.tgz')).length, 1);
    const named = await packages.obtain('npm:tiny-onnx@1.0.0/models/onnx/model_fp16.onnx');
    assert.equal(named.files?.[0]?.path, 'onnx/model_fp16.onnx');
  });

  test('a folder by path is served in place, followed when it changes and left alone when removed', async () => {
    const folder = join(home, 'my model');
    const write = async (path: string, content: Buffer): Promise<void> => {
      await mkdir(dirname(join(folder, path)), { recursive: true });
      await writeFile(join(folder, path), content);
    };
    for (const [path, content] of Object.entries(repository)) await write(path, content);
    const first = await store.obtain(folder);
    assert.deepEqual([first.name, first.folderPath, first.task], ['my-model', folder, 'embed']);
    assert.equal(first.filePath, join(folder, 'onnx/model.onnx'));
    await write('tokenizer.json', Buffer.from('{}'));
    const second = await store.obtain(`file:${folder}`);
    assert.notEqual(second.sha256, first.sha256);
    assert.equal((await store.list()).length, 1);
    assert.equal((await store.obtain('my-model')).sha256, second.sha256);
    assert.equal(await store.remove('my-model'), true);
    assert.deepEqual(await readFile(first.filePath), model);
    assert.deepEqual(await left('blobs'), []);
  });

  test('a graph by path brings what lies around it, and alone it takes tensors', async () => {
    const alone = join(home, 'alone', 'adder.onnx');
    await mkdir(dirname(alone));
    await writeFile(alone, model);
    const obtained = await store.obtain(alone);
    assert.deepEqual(
      [obtained.name, obtained.task, obtained.filePath, obtained.folderPath],
      ['adder', 'tensors', alone, dirname(alone)],
    );
    const inFolder = join(home, 'named', 'onnx', 'model.onnx');
    await mkdir(dirname(inFolder), { recursive: true });
    await writeFile(inFolder, model);
    await writeFile(join(home, 'named', 'config.json'), config);
    const around = await store.obtain(inFolder);
    assert.deepEqual([around.name, around.folderPath, around.files?.length], ['named', join(home, 'named'), 2]);
    assert.equal((await store.find('named'))?.filePath, inFolder);
  });

  test('a path without a model is refused in words', async () => {
    await mkdir(join(home, 'empty'));
    await assert.rejects(store.obtain(join(home, 'empty')), {
      code: 'model_not_found',
      message: /empty is no model: it has no \.onnx file/,
    });
    await assert.rejects(store.obtain('./nothing.onnx'), {
      code: 'model_not_found',
      message: /there is no model file .*nothing\.onnx/,
    });
  });

  test('a graph at a URL is a model of its own', async () => {
    host.files.set('/files/adder.onnx', hostedFile(model));
    const obtained = await store.obtain(`${host.url}/files/adder.onnx?signature=abc`);
    assert.deepEqual([obtained.name, obtained.task, obtained.source], ['adder', 'tensors', `${host.url}/files/adder.onnx`]);
    assert.deepEqual(await readFile(obtained.filePath), model);
  });
});

/** Puts a package of version 1.0.0, whose files lie in `models/`, on the host as npm asks for it. */
function publish(host: FileHost, name: string, files: Readonly<Record<string, Buffer>>): void {
  const manifest = {
    name: 'package/package.json',
    content: Buffer.from(JSON.stringify({ name, version: '1.0.0', license: 'ISC' })),
  };
  const members = Object.entries(files).map(([path, content]) => ({ name: `package/models/${path}`, content }));
  const tarball = writeTarGz([manifest, ...members]);
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
