import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { PlinthError } from '../../../core/errors/index.ts';
import { parseJsonBody } from './json-body.ts';

function codeOf(body: Buffer, maxDepth = 8): string {
  try {
    parseJsonBody(body, maxDepth);
    return 'parsed';
  } catch (thrown) {
    assert.ok(thrown instanceof PlinthError);
    return thrown.code;
  }
}

function depthOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  return 1 + Math.max(0, ...Object.values(value).map(depthOf));
}

test('any JSON value is read as JSON.parse reads it', () => {
  fc.assert(
    fc.property(fc.jsonValue({ depthSize: 'small' }), (value) => {
      const text = JSON.stringify(value);
      assert.deepEqual(parseJsonBody(Buffer.from(text), 1000), JSON.parse(text));
    }),
  );
});

test('a body is refused exactly when its nesting exceeds the limit', () => {
  fc.assert(
    fc.property(fc.jsonValue({ depthSize: 'small', maxDepth: 6 }), fc.integer({ min: 1, max: 4 }), (value, maxDepth) => {
      const expected = depthOf(value) > maxDepth ? 'invalid_json' : 'parsed';
      assert.equal(codeOf(Buffer.from(JSON.stringify(value)), maxDepth), expected);
    }),
  );
});

test('brackets and escaped quotes inside strings do not count as nesting', () => {
  assert.equal(codeOf(Buffer.from(JSON.stringify({ a: '[[[[[[[[[[[["\\' })), 1), 'parsed');
});

test('a million opening brackets are refused before they are parsed', () => {
  assert.equal(codeOf(Buffer.alloc(1_000_000, '['), 64), 'invalid_json');
});

test('bytes that are not UTF-8 get their own code', () => {
  assert.equal(codeOf(Buffer.from([0x22, 0xff, 0xfe, 0x22])), 'invalid_utf8');
  assert.equal(codeOf(Buffer.from([0x22, 0xc3])), 'invalid_utf8');
});

test('broken JSON is refused without quoting it, with the position where that is known', () => {
  for (const text of ['', '{', '{"a":}', '{"a":"b', 'nul', '{"secret": tru}', '\\']) {
    assert.throws(
      () => parseJsonBody(Buffer.from(text), 8),
      (thrown) => thrown instanceof PlinthError && thrown.code === 'invalid_json' && !thrown.message.includes('secret'),
      text,
    );
  }
  assert.throws(() => parseJsonBody(Buffer.from('{"a" 1}'), 8), /at position 5/);
});

test('a body of more than a million parts is refused before it is parsed', () => {
  assert.equal(codeOf(Buffer.from(`[${'[],'.repeat(1_000_000)}1]`)), 'invalid_json');
  assert.equal(codeOf(Buffer.from(`[${'"",'.repeat(1_000_001)}1]`)), 'invalid_json');
  assert.equal(codeOf(Buffer.from(`[${'1,'.repeat(1_000_001)}1]`)), 'parsed');
});
