import assert from 'node:assert/strict';
import { test } from 'node:test';
import { describeOnEach } from '../../../tests/support/book-places.ts';
import { modelRecord as model } from '../../../tests/support/model-record.ts';
import type { ModelRecord } from '../../core/records/index.ts';
import { openBook } from './index.ts';

describeOnEach('models and keys', (place) => {
  test('a model comes back as it was put, is replaced by name and is gone after removal', async () => {
    const book = await openBook(place());
    await book.putModel(model);
    assert.deepEqual(await book.findModel('smollm2'), model);
    const { licence: _, ...unlicensed } = { ...model, bytes: 5 };
    await book.putModel(unlicensed);
    await book.putModel({ ...model, name: 'another' });
    assert.deepEqual(await book.listModels(), [{ ...model, name: 'another' }, unlicensed]);
    assert.equal(await book.removeModel('smollm2'), true);
    assert.equal(await book.removeModel('smollm2'), false);
    assert.equal(await book.findModel('smollm2'), undefined);
    await book.close();
  });

  test('models are listed by the bytes of their names', async () => {
    const book = await openBook(place());
    for (const name of ['b', 'Z', 'a-b', 'ab', 'ä', 'B', 'a_b', '😀', '\u{ffff}']) await book.putModel({ ...model, name });
    const names = (await book.listModels()).map(({ name }) => name);
    assert.deepEqual(names, ['B', 'Z', 'a-b', 'a_b', 'ab', 'b', 'ä', '\u{ffff}', '😀']);
    await book.close();
  });

  test('the files of a model come back in their order', async () => {
    const book = await openBook(place());
    const files = [
      { path: 'onnx/model.onnx', sha256: 'cd'.repeat(32), bytes: 7, modifiedAtMs: 1.5 },
      { path: 'config.json', sha256: 'ef'.repeat(32), bytes: 2, modifiedAtMs: 2 },
    ];
    const record: ModelRecord = { ...model, engine: 'onnx', task: 'embed', files, bytes: 2 ** 45 + 1 };
    await book.putModel(record);
    assert.deepEqual(await book.findModel('smollm2'), record);
    await book.close();
  });

  test('the revision of keys grows with additions and revocations only', async () => {
    const book = await openBook(place());
    const first = await book.keysRevision();
    await book.addKey({ id: 'k1', label: 'one', role: 'admin', hash: 'aa', createdAt: 1 });
    const second = await book.keysRevision();
    await book.noteKeyUses(
      new Map([
        ['k1', 7],
        ['nobody', 8],
      ]),
    );
    await book.noteKeyUses(new Map([['k1', 6]]));
    assert.equal(await book.keysRevision(), second);
    assert.equal(await book.revokeKey('k1', 9), true);
    assert.equal(await book.revokeKey('k1', 10), false);
    const third = await book.keysRevision();
    assert.ok(first < second && second < third);
    const kept = [{ id: 'k1', label: 'one', role: 'admin', hash: 'aa', createdAt: 1, revokedAt: 9, lastUsedAt: 7 }];
    assert.deepEqual(await book.listKeys(), kept);
    const twice = book.addKey({ id: 'k1', label: 'twice', role: 'admin', hash: 'bb', createdAt: 2 });
    await assert.rejects(twice, { name: 'PlinthError', code: 'conflict' });
    assert.deepEqual(await book.listKeys(), kept);
    assert.equal(await book.keysRevision(), third);
    await book.close();
  });

  test('two open books see what the other wrote', async () => {
    const [one, other] = [await openBook(place()), await openBook(place())];
    await one.putModel(model);
    assert.deepEqual(await other.findModel('smollm2'), model);
    await other.removeModel('smollm2');
    assert.deepEqual(await one.listModels(), []);
    await other.addKey({ id: 'k1', label: 'one', role: 'admin', hash: 'aa', createdAt: 1 });
    assert.equal(await one.keysRevision(), await other.keysRevision());
    await one.noteKeyUses(new Map([['k1', 7]]));
    assert.equal((await other.listKeys())[0]?.lastUsedAt, 7);
    await one.close();
    await other.close();
  });

  test('text with a NUL character is refused by the name of its field', async () => {
    const book = await openBook(place());
    const refusal = { name: 'PlinthError', code: 'invalid_request', message: /^source holds a NUL character/ };
    await assert.rejects(book.putModel({ ...model, source: 'hf:a\0b' }), refusal);
    const key = { id: 'k1', label: 'a\0', role: 'admin', hash: 'aa', createdAt: 1 } as const;
    await assert.rejects(book.addKey(key), { code: 'invalid_request', message: /^label holds/ });
    assert.equal(await book.findModel('a\0b'), undefined);
    assert.deepEqual([await book.listModels(), await book.listKeys()], [[], []]);
    await book.close();
  });
});
