import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chooseAdmission, chooseRetryAfterMs, type ModelLoad } from './choose-admission.ts';

function load(fields: Partial<ModelLoad>): ModelLoad {
  return { model: 'm', inFlight: 0, slots: 2, queueLength: 3, meanSeatMs: 0, failure: undefined, ...fields };
}

const cases: ReadonlyArray<readonly [what: string, load: ModelLoad, code: string | undefined]> = [
  ['an idle model takes a request', load({}), undefined],
  ['the last place in the queue is taken', load({ inFlight: 4 }), undefined],
  ['a full queue refuses', load({ inFlight: 5 }), 'queue_full'],
  ['without a queue a free slot is enough', load({ queueLength: 0, inFlight: 1 }), undefined],
  ['without a queue full slots refuse', load({ queueLength: 0, inFlight: 2 }), 'queue_full'],
  ['without a replica requests may wait in the queue', load({ slots: 0, inFlight: 2 }), undefined],
  ['without a replica a full queue refuses', load({ slots: 0, inFlight: 3 }), 'queue_full'],
  ['without a replica and without a queue the model is not ready', load({ slots: 0, queueLength: 0 }), 'model_not_ready'],
];

for (const [what, given, code] of cases) {
  test(`admission is right when ${what}`, () => {
    assert.equal(chooseAdmission(given)?.code, code);
  });
}

test('the refusal of a model without replicas gives the reason that the snapshot names', () => {
  const refusal = chooseAdmission(load({ slots: 0, queueLength: 0, failure: 'The file is damaged.' }));
  assert.match(refusal?.message ?? '', /The file is damaged\.$/);
});

test('the time to come back grows with the line and shrinks with the slots, within its bounds', () => {
  assert.equal(chooseRetryAfterMs(load({ inFlight: 5, meanSeatMs: 10 })), 1000);
  assert.equal(chooseRetryAfterMs(load({ inFlight: 10, meanSeatMs: 2000 })), 5000);
  assert.equal(chooseRetryAfterMs(load({ inFlight: 10, meanSeatMs: 2000, slots: 4 })), 2500);
  assert.equal(chooseRetryAfterMs(load({ inFlight: 1000, meanSeatMs: 60_000 })), 30_000);
});
