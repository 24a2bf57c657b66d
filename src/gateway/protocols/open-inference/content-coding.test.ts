import assert from 'node:assert/strict';
import test from 'node:test';
import { chooseCoding } from './content-coding.ts';

const choices: ReadonlyArray<readonly [header: string | undefined, chosen: string | undefined]> = [
  [undefined, undefined],
  ['', undefined],
  ['gzip', 'gzip'],
  ['GZIP', 'gzip'],
  ['gzip, deflate', 'gzip'],
  ['deflate, gzip', 'deflate'],
  ['gzip;q=0.5, deflate;q=0.8', 'deflate'],
  ['gzip;q=0.5, identity', undefined],
  ['gzip;q=0', undefined],
  ['gzip;q=x', undefined],
  ['br, zstd', undefined],
  ['*', undefined],
];

test('accept-encoding: the coding with the greatest weight is chosen, of equals the first', () => {
  for (const [header, chosen] of choices) assert.equal(chooseCoding(header, 10_000), chosen, header);
});

test('a short answer is not compressed', () => {
  assert.equal(chooseCoding('gzip', 100), undefined);
});
