import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { PlinthError } from '../../../core/errors/index.ts';
import { greedySampling, type InferenceRequest } from '../../../core/inference/index.ts';
import { createLogger } from '../../../core/telemetry/index.ts';
import { openBook, type Book } from '../../book/index.ts';
import { readKeptRequests, summariseCaptures, warmUpRequests } from './capture-library.ts';
import { createCaptureWriter, type CaptureWriterOptions } from './capture-writer.ts';

const folder = mkdtempSync(join(tmpdir(), 'plinth-captures-'));
let book: Book;

before(async () => {
  book = await openBook({ home: folder });
});
after(async () => {
  await book.close();
  rmSync(folder, { recursive: true });
});

const logger = createLogger({ level: 'silent' });
const writerOf = (options: Partial<CaptureWriterOptions> = {}) =>
  createCaptureWriter({ records: book, mostPerModel: 10, logger, ...options });
const embed = (model: string, text: string): InferenceRequest => ({
  kind: 'embed',
  id: 'req_1',
  model,
  version: '2',
  timeLeftMs: 1000,
  inputs: [{ type: 'text', text }],
});

test('what is captured lies redacted in the book and can be asked again, newest first', async () => {
  const writer = writerOf();
  writer.capture(embed('one', 'mail ada@example.org'), 1000);
  writer.capture(embed('one@stable', 'no secret'), 2000);
  await writer.flush();
  const captures = await book.listCaptures('one', 10);
  assert.ok(!JSON.stringify(captures).includes('ada@'));
  const { requests, unreadable } = await readKeptRequests(book, { model: 'one', most: 10 });
  assert.equal(unreadable, 0);
  assert.deepEqual(
    requests.map(({ at, request }) => [at, request]),
    [
      [2000, { ...embed('one@stable', 'no secret'), id: '' }],
      [1000, { ...embed('one', 'mail [e-mail]'), id: '' }],
    ],
  );
  assert.deepEqual(summariseCaptures('one', captures), {
    model: 'one',
    count: 2,
    oldestAt: 1000,
    newestAt: 2000,
    kinds: { embed: 2 },
    redacted: { 'e-mail': 1 },
  });
  assert.deepEqual(writer.counts(), { kept: 2, unfit: 0, dropped: 0 });
});

test('older captures make room for newer ones', async () => {
  const writer = writerOf({ mostPerModel: 2 });
  for (const [at, text] of ['a', 'b', 'c'].entries()) writer.capture(embed('few', text), at + 1);
  await writer.close();
  const texts = (await warmUpRequests(book, 'few', 5)).map((request) =>
    request.kind === 'embed' ? request.inputs[0] : undefined,
  );
  assert.deepEqual(texts, [
    { type: 'text', text: 'c' },
    { type: 'text', text: 'b' },
  ]);
  assert.deepEqual(await warmUpRequests(book, 'few', 0), []);
});

test('what cannot be kept is counted and written nowhere', async () => {
  const writer = writerOf();
  writer.capture({ kind: 'recognize', id: '', model: 'odd', timeLeftMs: 1, image: new Uint8Array(1) }, 1);
  writer.capture(embed('odd', 'x'.repeat(100_000)), 1);
  writer.capture({ kind: 'embed', id: '', model: 'odd', timeLeftMs: 1, inputs: [{ type: 'tokens', tokens: [1] }] }, 1);
  await writer.flush();
  assert.deepEqual(await book.listCaptures('odd', 10), []);
  assert.deepEqual(writer.counts(), { kept: 0, unfit: 3, dropped: 0 });
});

test('a flood is cut off, and a closed writer takes nothing more', async () => {
  const writer = writerOf({ mostPerModel: 1000 });
  for (let at = 0; at < 200; at++) writer.capture(embed('flood', 'x'), at);
  await writer.close();
  writer.capture(embed('flood', 'x'), 300);
  await writer.flush();
  assert.equal((await book.listCaptures('flood', 1000)).length, 128);
  assert.deepEqual(writer.counts(), { kept: 128, unfit: 0, dropped: 72 });
});

test('a book that cannot be written costs the captures and nothing else', async () => {
  const records = {
    addCaptures: () => Promise.reject(new PlinthError({ code: 'model_unavailable', message: 'The database is gone.' })),
  };
  const writer = writerOf({ records });
  writer.capture(embed('gone', 'x'), 1);
  await writer.flush();
  assert.deepEqual(writer.counts(), { kept: 0, unfit: 0, dropped: 1 });
});

test('captures are written by themselves after a while', async () => {
  const written = Promise.withResolvers<number>();
  const records = {
    addCaptures: (captures: readonly object[]) => {
      written.resolve(captures.length);
      return Promise.resolve();
    },
  };
  const writer = writerOf({ records, gatherMs: 1 });
  const alive = setInterval(() => undefined, 1000);
  writer.capture(embed('soon', 'x'), 1);
  assert.equal(await written.promise, 1);
  clearInterval(alive);
});

test('what another release has written is passed over and counted', async () => {
  const request = { kind: 'generate', sampling: { ...greedySampling, logitBias: [] }, from: 'the future' };
  await book.addCaptures([{ id: 'c_odd', model: 'old', at: 5, request }], 10);
  const writer = writerOf();
  writer.capture(embed('old', 'x'), 1);
  await writer.flush();
  const { requests, unreadable } = await readKeptRequests(book, { model: 'old', most: 10 });
  assert.deepEqual([requests.length, unreadable], [1, 1]);
});
