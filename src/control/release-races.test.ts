import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { PlinthError } from '../core/errors/index.ts';
import { openBook, type Book } from './book/index.ts';
import { Releases } from './releases/index.ts';

let home: string;
let book: Book;

beforeEach(async () => {
  home = mkdtempSync(join(tmpdir(), 'release-races-'));
  book = await openBook({ home });
});
afterEach(async () => {
  await book.close();
  rmSync(home, { recursive: true, force: true });
});

const ports = { knownModels: () => [], servingVersion: () => undefined, versionsOfExperiment: () => [] };
const actor = 'local';

/** Commands of a process that has decided, and is about to write, when `overtake` happens. */
function overtaken(overtake: () => Promise<unknown>): Releases {
  let isFirst = true;
  const change: Book['change'] = async (wanted) => {
    if (isFirst) {
      isFirst = false;
      await overtake();
    }
    return book.change(wanted);
  };
  return new Releases({ ...ports, book: { ...book, change } });
}

async function prepare(): Promise<Releases> {
  const releases = new Releases({ ...ports, book });
  for (const model of ['chat', 'chat', 'other']) await releases.addVersion({ model, settings: { engine: 'echo' }, actor });
  return releases;
}

const refusal = (code: string, message: RegExp) => (error: unknown) =>
  error instanceof PlinthError && error.code === code && message.test(error.message);

const uses = {
  rule: { rules: [{ when: { callers: ['k'] }, to: 'chat:2' }] },
  fallback: { fallback: ['chat:2'] },
};

for (const [place, traffic] of Object.entries(uses)) {
  test(`a version is not removed when a ${place} of another line has come to name it meanwhile`, async () => {
    const here = await prepare();
    const there = overtaken(() => here.setTraffic({ model: 'other', traffic, actor }));
    const removal = there.removeVersion({ model: 'chat', version: '2', actor });
    await assert.rejects(removal, refusal('conflict', /in use: .*other/));
    assert.equal((await book.readReleases()).versions.length, 3);
  });

  test(`a ${place} is refused when the version of another line that it names has been removed meanwhile`, async () => {
    const here = await prepare();
    const there = overtaken(() => here.removeVersion({ model: 'chat', version: '2', actor }));
    const setting = there.setTraffic({ model: 'other', traffic, actor });
    await assert.rejects(setting, refusal('invalid_request', /'chat:2' names a version that chat has not/));
    assert.deepEqual((await book.readReleases()).lines.find(({ model }) => model === 'other')?.traffic.rules, []);
  });
}

test('an alias is not removed when another line has come to name it meanwhile', async () => {
  const here = await prepare();
  await here.changeAliases({ model: 'chat', set: { next: '2' }, actor });
  const there = overtaken(() => here.setTraffic({ model: 'other', traffic: { fallback: ['chat@next'] }, actor }));
  await assert.rejects(there.changeAliases({ model: 'chat', remove: ['next'], actor }), refusal('conflict', /in use: .*other/));
});

test('a removal that rests on a revision of its line is made though another line has changed meanwhile', async () => {
  const here = await prepare();
  const line = (await book.readReleases()).lines.find(({ model }) => model === 'chat');
  const there = overtaken(() => here.setPolicy({ model: 'other', policy: { all: true }, actor }));
  await there.removeVersion({ model: 'chat', version: '2', actor, ...(line && { revision: line.revision }) });
  assert.deepEqual(
    (await book.readReleases()).versions.map(({ model, version }) => `${model}:${version}`),
    ['chat:1', 'other:1'],
  );
});
