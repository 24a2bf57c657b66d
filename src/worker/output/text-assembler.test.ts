import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { TextAssembler } from './text-assembler.ts';

function assemble(chunks: readonly Uint8Array[], stops: readonly string[]) {
  const assembler = new TextAssembler(stops);
  const pieces: string[] = [];
  for (const chunk of chunks) {
    const piece = assembler.push(chunk);
    pieces.push(piece.text);
    if (piece.isStopped) return { text: pieces.join(''), pieces, isStopped: true };
  }
  const last = assembler.end();
  return { text: pieces.join('') + last.text, pieces, isStopped: last.isStopped };
}

function cut(bytes: Buffer, places: readonly number[]): Uint8Array[] {
  const points = [...new Set(places.map((place) => place % (bytes.length + 1)))].toSorted((a, b) => a - b);
  return [...points, bytes.length].map((end, i) => bytes.subarray(points[i - 1] ?? 0, end));
}

const texts = fc.string({ unit: fc.constantFrom('a', 'b', 'ab', 'é', '😀', '\n', 'STOP', 'ST'), maxLength: 30 });
const cuts = fc.array(fc.nat(200), { maxLength: 12 });

test('however bytes are cut, the text is the same and every piece is whole characters', () => {
  fc.assert(
    fc.property(texts, cuts, (text, places) => {
      const result = assemble(cut(Buffer.from(text), places), []);
      assert.equal(result.text, text);
      for (const piece of result.pieces) assert.ok(!piece.includes('\uFFFD') && piece.isWellFormed());
    }),
  );
});

test('text ends before the first stop string however it is cut', () => {
  const stops = ['STOP', 'bb', 'é😀'];
  fc.assert(
    fc.property(texts, cuts, (text, places) => {
      const found = stops.map((stop) => text.indexOf(stop)).filter((at) => at >= 0);
      const expected = found.length === 0 ? text : text.slice(0, Math.min(...found));
      const result = assemble(cut(Buffer.from(text), places), stops);
      assert.equal(result.isStopped, found.length > 0);
      if (found.length > 0 && result.text !== expected) {
        const earlier = stops.some((stop) => text.slice(0, result.text.length + stop.length).endsWith(stop));
        assert.ok(earlier, `stopped at no stop string: ${result.text}`);
      } else assert.equal(result.text, expected);
    }),
  );
});

test('an unfinished character at the end is left out', () => {
  assert.equal(assemble([Buffer.from('aé').subarray(0, 2)], []).text, 'a');
});

test('text that may begin a stop string is held until it does not', () => {
  const assembler = new TextAssembler(['<end>']);
  assert.equal(assembler.push(Buffer.from('a <en')).text, 'a ');
  assert.equal(assembler.push(Buffer.from('ough')).text, '<enough');
});

test('log-probabilities come with the text of their tokens and not after a stop string', () => {
  const assembler = new TextAssembler(['XY']);
  const scored = (text: string) => ({ text, bytes: [...Buffer.from(text)], logprob: -1, top: [] });
  assert.deepEqual(assembler.push(Buffer.from('aX'), scored('aX')), { text: 'a', logprobs: [], isStopped: false });
  const second = assembler.push(Buffer.from('b'), scored('b'));
  assert.deepEqual(
    second.logprobs.map(({ text }) => text),
    ['aX', 'b'],
  );
  assert.deepEqual(assembler.push(Buffer.from('XY'), scored('XY')), { text: '', logprobs: [], isStopped: true });
});
