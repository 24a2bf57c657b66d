import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { JsonObject, JsonValue } from '../../../core/inference/index.ts';
import { auditDigest } from './audit-log.ts';

const entry = { sequence: 1, at: 5, actor: 'local', action: 'alias.moved', subject: 'chat:4', detail: {} };
const objects = fc.dictionary(fc.string(), fc.jsonValue()) as fc.Arbitrary<JsonObject>;

test('the digest of an entry is that of its canonical text', () => {
  // Of {"action":"alias.moved","actor":"local","at":5,"detail":{},"sequence":1,"subject":"chat:4"}, by sha256sum.
  assert.equal(auditDigest(entry), '27ba2fc4f731a2dfbdb8593dd822d37462d8a858947bc96ee4bf1c5d3e03e52b');
});

test('a detail that went through JSON, or whose keys stand in another order, has the same digest', () => {
  fc.assert(
    fc.property(objects, (detail) => {
      const digest = auditDigest({ ...entry, detail });
      assert.equal(auditDigest({ ...entry, detail: JSON.parse(JSON.stringify(detail)) as JsonObject }), digest);
      assert.equal(auditDigest({ ...entry, detail: turned(detail) as JsonObject }), digest);
    }),
  );
});

test('another detail, another entry before, or another field gives another digest', () => {
  fc.assert(
    fc.property(objects, objects, (one, other) => {
      fc.pre(JSON.stringify(turned(one)) !== JSON.stringify(turned(other)));
      fc.pre(!sameJson(one, other));
      assert.notEqual(auditDigest({ ...entry, detail: one }), auditDigest({ ...entry, detail: other }));
    }),
  );
  const digest = auditDigest(entry);
  assert.notEqual(auditDigest(entry, digest), digest);
  for (const changed of [{ sequence: 2 }, { at: 6 }, { actor: 'k1' }, { action: 'x' }, { subject: 'chat:5' }])
    assert.notEqual(auditDigest({ ...entry, ...changed }), digest);
});

test('a detail that is nested without end is refused', () => {
  let deep: JsonValue = 1;
  for (let n = 0; n < 100; n++) deep = [deep];
  assert.throws(() => auditDigest({ ...entry, detail: { deep } }), RangeError);
});

/** The same value with the keys of all objects in reverse order. */
function turned(value: JsonValue): JsonValue {
  if (Array.isArray(value)) return value.map((item: JsonValue) => turned(item));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .toReversed()
      .map(([name, member]) => [name, turned(member)]),
  );
}

function sameJson(one: JsonValue, other: JsonValue): boolean {
  try {
    assert.deepEqual(JSON.parse(JSON.stringify(one)), JSON.parse(JSON.stringify(other)));
    return true;
  } catch {
    return false;
  }
}
