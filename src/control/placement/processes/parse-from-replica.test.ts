import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { NO_PROGRESS } from '../progress-watch.ts';
import { parseFromReplica } from './parse-from-replica.ts';

test('a pong is read back as it was written', () => {
  const pong = { type: 'pong', sequence: 3, progress: { ...NO_PROGRESS, steps: 9 } };
  assert.deepEqual(parseFromReplica(JSON.stringify(pong)), pong);
});

const refused: ReadonlyArray<readonly [title: string, line: string]> = [
  ['an empty line', ''],
  ['half a document', '{"type":"pong"'],
  ['an unknown type', '{"type":"hello"}'],
  ['a pong without progress', '{"type":"pong","sequence":1}'],
  ['a progress with a negative count', JSON.stringify({ type: 'pong', sequence: 1, progress: { ...NO_PROGRESS, steps: -1 } })],
  ['an error code that nobody knows', '{"type":"load-failed","error":{"code":"toString","message":"x"}}'],
  ['facts without slots', '{"type":"loaded","facts":{"architecture":"x"}}'],
];

for (const [title, line] of refused) {
  test(`${title} is no message`, () => assert.equal(parseFromReplica(line), undefined));
}

test('no line makes the reader throw', () => {
  fc.assert(fc.property(fc.oneof(fc.string(), fc.json()), (line) => parseFromReplica(line) === undefined));
});
