import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chooseReplica, type ReplicaCandidate } from './choose-replica.ts';

function candidate(id: string, inFlight: number, more: { slots?: number; hasFailed?: boolean } = {}): ReplicaCandidate {
  return {
    replica: { id, state: 'ready', socketPath: '/x', slots: more.slots ?? 4 },
    inFlight,
    hasFailed: more.hasFailed ?? false,
  };
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
