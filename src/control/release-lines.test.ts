import assert from 'node:assert/strict';
import { test } from 'node:test';
import { lineRecord, releaseView, versionRecord } from '../../tests/support/release-contents.ts';
import { configSchema } from '../core/config/index.ts';
import { PlinthError } from '../core/errors/index.ts';
import { ReleaseLines } from './release-lines.ts';

const contents = releaseView({
  versions: ['1', '2', '3'].map((version) => versionRecord('chat', version)),
  lines: [lineRecord('chat', { traffic: { weights: { '2': 1 } } })],
});

function open(read = contents) {
  const wanted: string[][] = [];
  const lines = new ReleaseLines({
    config: configSchema.parse({}),
    read: () => read,
    promotedOf: () => undefined,
    onDue: () => wanted.push(lines.wanted([]).map(({ record, why }) => `${record.version} ${why}`)),
  });
  return { lines, wanted };
}

test('a rehearsal has its versions loaded, and lets go of what nothing else wants', () => {
  const { lines, wanted } = open();
  const letGo = lines.keepLoaded('chat', ['2', '3']);
  letGo();
  assert.deepEqual(wanted, [
    ['3 a rehearsal', '2 policy latest 1, a weight of 1, a rehearsal'],
    ['2 policy latest 1, a weight of 1'],
  ]);
});

test('a version that is rehearsed gets no requests by being loaded', () => {
  const { lines } = open();
  const before = lines.traffic([]);
  lines.keepLoaded('chat', ['2', '3']);
  assert.deepEqual(lines.traffic([]), before);
  assert.deepEqual(
    before[0]?.arms.map(({ version }) => version),
    ['2'],
  );
});

test('a rehearsal of a model that other processes serve is refused at once', () => {
  const elsewhere = releaseView({ versions: [versionRecord('chat', '1', { addedBy: 'configuration' })] });
  const { lines, wanted } = open(elsewhere);
  assert.throws(
    () => lines.keepLoaded('chat', ['1']),
    (error) => error instanceof PlinthError && error.code === 'conflict' && error.message.includes("'chat' is not served"),
  );
  assert.deepEqual(wanted, []);
});
