import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { openBook, type Book } from './book/index.ts';
import { Releases } from './releases/index.ts';

let home: string;
let book: Book;

beforeEach(async () => {
  home = mkdtempSync(join(tmpdir(), 'configured-versions-'));
  book = await openBook({ home });
});
afterEach(async () => {
  await book.close();
  rmSync(home, { recursive: true, force: true });
});

const ports = { knownModels: () => [], servingVersion: () => undefined, versionsOfExperiment: () => [] };
const actor = 'local';

/** A start of a gateway of this book whose configuration has this source. */
async function start(reference: string): Promise<string> {
  const releases = new Releases({ ...ports, book });
  const [adoption] = await releases.adoptConfigured([{ model: 'chat', reference, settings: {} }]);
  return `${adoption?.outcome} ${adoption?.version}`;
}

async function line() {
  const { versions, lines } = await book.readReleases();
  return { versions: versions.map(({ version }) => version), weights: lines[0]?.traffic.weights };
}

test('gateways that are configured differently have one version each, and the one that started last says who answers', async () => {
  const outcomes: string[] = [];
  for (const reference of ['a', 'b', 'a', 'a', 'b', 'b', 'a']) outcomes.push(await start(reference));
  assert.deepEqual(outcomes, ['added 1', 'added 2', 'reused 1', 'unchanged 1', 'reused 2', 'unchanged 2', 'reused 1']);
  assert.deepEqual(await line(), { versions: ['1', '2'], weights: { '1': 1 } });
  assert.equal(await start('c'), 'added 3');
  assert.deepEqual(await line(), { versions: ['1', '2', '3'], weights: { '3': 1 } });
  assert.deepEqual([await start('c'), await start('b'), await start('b')], ['unchanged 3', 'reused 2', 'unchanged 2']);
  assert.deepEqual((await line()).weights, { '2': 1 });
});

test('a start that says nothing new leaves what was set by hand', async () => {
  for (const reference of ['a', 'b', 'a', 'b']) await start(reference);
  await new Releases({ ...ports, book }).setTraffic({ model: 'chat', traffic: { weights: { '1': 1 } }, actor });
  assert.equal(await start('b'), 'unchanged 2');
  assert.deepEqual((await line()).weights, { '1': 1 });
});

test('a version that was released by hand is what the configuration says afterwards, and a later change follows it', async () => {
  await start('a');
  const releases = new Releases({ ...ports, book });
  await releases.addVersion({ model: 'chat', reference: 'b', settings: {}, actor });
  await releases.setTraffic({ model: 'chat', traffic: { weights: { '2': 1 } }, actor });
  assert.deepEqual([await start('b'), await start('b'), await start('c')], ['reused 2', 'unchanged 2', 'added 3']);
  assert.deepEqual((await line()).weights, { '3': 1 });
});

test('which version was chosen is said and audited', async () => {
  await start('a');
  await start('b');
  const [adoption] = await new Releases({ ...ports, book }).adoptConfigured([{ model: 'chat', reference: 'a', settings: {} }]);
  assert.match(
    adoption?.words ?? '',
    /what version 1 is already.*answers as soon as.*version 2 is what .* another gateway said before/,
  );
  const entry = (await book.readAudit({ after: 0, most: 10 })).at(-1);
  assert.deepEqual([entry?.actor, entry?.action], ['configuration', 'version.reused']);
  assert.deepEqual(entry?.detail, { model: 'chat', version: '1', newest: '2', isHeld: false, weights: { '1': 1 } });
});

test('a version that was removed is not used again', async () => {
  await start('a');
  await start('b');
  await new Releases({ ...ports, book }).removeVersion({ model: 'chat', version: '1', actor });
  assert.equal(await start('a'), 'added 3');
});
