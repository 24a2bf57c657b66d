import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { EventLines } from './event-lines.ts';

function read(text: string, cuts: readonly number[] = []): readonly string[] {
  const bytes = new TextEncoder().encode(text);
  const places = [0, ...cuts.map((cut) => cut % (bytes.length + 1)).toSorted((a, b) => a - b), bytes.length];
  const lines = new EventLines();
  return places.slice(1).flatMap((end, index) => lines.push(bytes.subarray(places[index], end)));
}

const cases: ReadonlyArray<readonly [text: string, data: readonly string[]]> = [
  ['data: a\n\ndata: b\n\n', ['a', 'b']],
  ['data:a\r\n\r\n', ['a']],
  ['data: a\r\rdata: b\r\r', ['a', 'b']],
  ['data: a\rdata: b\r\n\r\ndata: c\n\r', ['a\nb', 'c']],
  ['\uFEFFdata: a\n\n', ['a']],
  ['data: a\ndata: b\n\n', ['a\nb']],
  [': comment\n\nevent: x\nid: 1\ndata: a\n\n', ['a']],
  ['data: unfinished', []],
  ['data: no end\n', []],
  ['\n\n\ndata:  two spaces\n\n', [' two spaces']],
];

for (const [text, data] of cases) test(`cuts ${JSON.stringify(text)}`, () => assert.deepEqual(read(text), data));

test('events come out whole wherever the network cuts the bytes', () => {
  const texts = fc.array(
    fc.string({ unit: 'grapheme', maxLength: 20 }).map((text) => text.replaceAll(/[\r\n]/g, ' ')),
    { maxLength: 6 },
  );
  fc.assert(
    fc.property(texts, fc.array(fc.nat(500), { maxLength: 12 }), fc.constantFrom('\n', '\r', '\r\n'), (values, cuts, lineEnd) => {
      const text = values.map((value) => `data: ${value}${lineEnd}${lineEnd}`).join('');
      assert.deepEqual(read(text, cuts), values);
    }),
  );
});

test('an event that does not end is given up', () => {
  const lines = new EventLines();
  const piece = new Uint8Array(1024 * 1024).fill(0x61);
  assert.throws(() => {
    for (let count = 0; count < 5; count++) lines.push(piece);
  }, /does not end/);
  const others = new EventLines();
  const short = new TextEncoder().encode('data: x\n'.repeat(100_000));
  assert.throws(() => {
    for (let count = 0; count < 8; count++) others.push(short);
  }, /does not end/);
});

test('comments that keep a connection open are not held, however many come', () => {
  const lines = new EventLines();
  const comments = new TextEncoder().encode(': still here\n'.repeat(100_000));
  for (let count = 0; count < 10; count++) assert.deepEqual(lines.push(comments), []);
  assert.deepEqual(lines.push(new TextEncoder().encode('data: a\n\n')), ['a']);
});
