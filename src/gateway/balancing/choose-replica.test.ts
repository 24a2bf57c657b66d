import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chooseReplica, chooseSequenceReplica, type ReplicaCandidate } from './choose-replica.ts';

function candidate(id: string, inFlight: number, more: { slots?: number; hasFailed?: boolean } = {}): ReplicaCandidate {
  const { slots = 4, hasFailed = false } = more;
  return { replica: { id, state: 'ready', socketPath: '/x', slots }, id, slots, inFlight, hasFailed };
}

const cases: ReadonlyArray<
  readonly [what: string, candidates: readonly ReplicaCandidate[], random: number, expected: string | undefined]
> = [
  ['none to choose from', [], 0.5, undefined],
  ['the only one, however busy', [candidate('a', 99)], 0.9, 'a'],
  ['the least busy', [candidate('a', 3), candidate('b', 1), candidate('c', 2)], 0.9, 'b'],
  ['work counted per slot', [candidate('a', 2, { slots: 2 }), candidate('b', 3, { slots: 16 })], 0, 'b'],
  ['the first of equals by a low number', [candidate('a', 1), candidate('b', 1)], 0, 'a'],
  ['the last of equals by a high number', [candidate('a', 1), candidate('b', 1)], 0.999, 'b'],
  ['one that did not lose the request, though busier', [candidate('a', 0, { hasFailed: true }), candidate('b', 9)], 0, 'b'],
  ['one that lost it when there is no other', [candidate('a', 0, { hasFailed: true })], 0, 'a'],
];

for (const [what, candidates, random, expected] of cases) {
  test(`the chosen replica is ${what}`, () => {
    assert.equal(chooseReplica(candidates, random)?.id, expected);
  });
}

const FOUR = ['a', 'b', 'c', 'd'].map((id) => candidate(id, 0));
const keys = Array.from({ length: 400 }, (_, i) => `number:${i + 1}`);
const placeOf = (key: string, candidates = FOUR) => chooseSequenceReplica(candidates, key)?.id;

test('a sequence always meets at the same replica, in whatever order the candidates come', () => {
  const shuffled = FOUR.toReversed().map(({ replica }) => candidate(replica.id, 7));
  for (const key of keys) assert.equal(placeOf(key, shuffled), placeOf(key));
});

test('sequences spread over all replicas', () => {
  const counts = FOUR.map(({ replica }) => keys.filter((key) => placeOf(key) === replica.id).length);
  assert.ok(
    counts.every((count) => count > 60 && count < 140),
    String(counts),
  );
});

test('a lost replica moves only its own sequences', () => {
  const left = FOUR.filter(({ replica }) => replica.id !== 'b');
  for (const key of keys) if (placeOf(key) !== 'b') assert.equal(placeOf(key, left), placeOf(key));
});

test('a sequence goes to another replica after its own lost the request, and back when there is no other', () => {
  const own = placeOf('number:1') as string;
  const failed = FOUR.map(({ replica }) => candidate(replica.id, 0, { hasFailed: replica.id === own }));
  assert.notEqual(placeOf('number:1', failed), own);
  assert.equal(chooseSequenceReplica([candidate('x', 0, { hasFailed: true })], 'number:1')?.id, 'x');
  assert.equal(chooseSequenceReplica([], 'number:1'), undefined);
});
