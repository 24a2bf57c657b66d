import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { lineRecord, releaseView, rolloutRecord, versionRecord } from '../../../tests/support/release-contents.ts';
import { chooseModelTraffic, versionsWithTraffic, type ComparingTraffic, type TrafficFacts } from './choose-model-traffic.ts';

const versions = ['1', '2', '3'].map((version) => versionRecord('chat', version));

function choose(line: Parameters<typeof lineRecord>[1], facts: Partial<TrafficFacts> = {}) {
  const contents = releaseView({ versions, lines: [lineRecord('chat', line)] });
  return chooseModelTraffic({ contents, model: 'chat', ready: ['3'], ...facts });
}

function shares(traffic: { arms: readonly { version: string; weight: number }[] }) {
  return Object.fromEntries(traffic.arms.map((arm) => [arm.version, arm.weight]));
}

const rollout: ComparingTraffic = {
  arms: [
    { name: 'current', version: '2', weight: 95 },
    { name: 'candidate', version: '3', weight: 5 },
  ],
  purpose: { kind: 'rollout', id: 'r_1' },
  salt: 'r_1',
};
const experiment: ComparingTraffic = {
  arms: [
    { name: 'a', version: '1', weight: 1 },
    { name: 'b', version: '2', weight: 1 },
  ],
  purpose: { kind: 'experiment', id: 'e_1' },
  salt: 'e_1',
};

test('a line that says nothing leaves the choice to the gateway: no arms', () => {
  const traffic = choose({});
  assert.deepEqual(traffic.arms, []);
  assert.equal(traffic.isObserved, false);
  assert.equal(traffic.capture, undefined);
});

test('weights become arms, one of 0 as well', () => {
  const traffic = choose({ traffic: { weights: { '1': 0, '2': 1, '3': 3 } } });
  assert.deepEqual(traffic.arms, [
    { name: 'v1', version: '1', weight: 0 },
    { name: 'v2', version: '2', weight: 1 },
    { name: 'v3', version: '3', weight: 3 },
  ]);
  assert.deepEqual(traffic.purpose, { kind: 'weights', id: '' });
});

test('the salt stays the same while weights move', () => {
  const [before, after] = [{ '2': 1 }, { '2': 1, '3': 1 }].map((weights) => choose({ traffic: { weights } }).salt);
  assert.equal(before, after);
});

test('the arms of a rollout replace all weights, and are observed', () => {
  const traffic = choose({ traffic: { weights: { '1': 5, '2': 1 } } }, { rollout, experiment });
  assert.deepEqual(traffic.arms, rollout.arms);
  assert.deepEqual(traffic.purpose, rollout.purpose);
  assert.equal(traffic.isObserved, true);
});

test('the arms of an experiment replace weights', () => {
  const traffic = choose({ traffic: { weights: { '3': 1 } } }, { experiment });
  assert.deepEqual(traffic.arms, experiment.arms);
  assert.equal(traffic.salt, 'e_1');
});

test('a rollout that runs and says nothing leaves everything with the version before', () => {
  const contents = releaseView({
    versions,
    lines: [lineRecord('chat')],
    rollouts: [rolloutRecord({ baseline: '2', candidate: '3' })],
  });
  const traffic = chooseModelTraffic({ contents, model: 'chat', ready: ['2', '3'] });
  assert.deepEqual(shares(traffic), { '2': 1 });
});

test('a version that an alias keeps loaded does not overtake the one of the policy', () => {
  const line = { policy: { specific: ['2'] }, aliases: { beta: '3' } };
  assert.deepEqual(shares(choose(line, { ready: ['2', '3'] })), { '2': 1 });
  assert.deepEqual(shares(choose(line, { ready: ['2'] })), {});
});

test('the newest version of the policy answers alone once it is ready', () => {
  assert.deepEqual(choose({}, { ready: ['2', '3'] }).arms, []);
  assert.deepEqual(choose({}, { ready: ['2'] }).arms, []);
});

test('versions that answered before go on until one that weights name is ready', () => {
  const before = { traffic: choose({ traffic: { weights: { '2': 1 } } }, { ready: ['2'] }), ready: ['2'] };
  const line = { traffic: { weights: { '3': 1 } } };
  assert.deepEqual(shares(choose(line, { ready: ['2'], previous: before })), { '2': 1 });
  assert.deepEqual(shares(choose(line, { ready: ['2', '3'], previous: before })), { '3': 1 });
});

test('without arms before, the highest version that is ready goes on until the weighted one is', () => {
  const before = { traffic: choose({}, { ready: ['2'] }), ready: ['2'] };
  assert.deepEqual(shares(choose({ traffic: { weights: { '3': 1 } } }, { ready: ['2'], previous: before })), { '2': 1 });
});

test('a version that became ready meanwhile is not taken for one that answered before', () => {
  const before = { traffic: choose({}, { ready: [] }), ready: [] };
  assert.deepEqual(shares(choose({ traffic: { weights: { '2': 1 } } }, { ready: ['3'], previous: before })), { '2': 1 });
});

test('a candidate does not go on answering when the version before is not ready after a rollback', () => {
  const before = { traffic: choose({}, { rollout, ready: ['2', '3'] }), ready: ['2', '3'] };
  assert.deepEqual(shares(choose({ traffic: { weights: { '2': 1 } } }, { ready: ['3'], previous: before })), { '2': 1 });
});

test('rules, fallback, sticky and aliases are carried over, also beside a rollout', () => {
  const rules = [{ when: { kinds: ['embed' as const] }, to: '1' }];
  const line = { aliases: { stable: '2' }, traffic: { rules, fallback: ['1'], sticky: { by: 'conversation' as const } } };
  const traffic = choose(line, { rollout, capture: { share: 0.5, consent: 'header' } });
  assert.deepEqual(traffic.rules, rules);
  assert.deepEqual(traffic.fallback, ['1']);
  assert.deepEqual(traffic.sticky, { by: 'conversation' });
  assert.deepEqual(traffic.aliases, { stable: '2' });
  assert.deepEqual(traffic.capture, { share: 0.5, consent: 'header' });
});

test('the version before stands in for a candidate that cannot answer, ahead of the targets of the line', () => {
  const line = { traffic: { fallback: ['1', '2'] } };
  assert.deepEqual(choose(line, { rollout: { ...rollout, fallback: ['2', '9'] } }).fallback, ['2', '1']);
  assert.deepEqual(choose(line, { experiment: { ...experiment, fallback: ['1'] } }).fallback, ['1', '2']);
  assert.deepEqual(choose({}, {}).fallback, []);
});

test('the copies of a rollout come before those of the line', () => {
  const shadow = { to: '3', share: 1, mostConcurrent: 1, mostPerMinute: 60 };
  const own = choose({ traffic: { shadow } }).shadow;
  assert.deepEqual(own, { ...shadow, reference: 'none', purpose: { kind: 'weights', id: 'chat' } });
  const order = { ...shadow, to: '2', reference: 'rerun' as const, purpose: rollout.purpose };
  assert.deepEqual(choose({ traffic: { shadow } }, { rollout: { ...rollout, shadow: order } }).shadow, order);
});

test('the highest ready version has the traffic where there are no arms', () => {
  assert.deepEqual(versionsWithTraffic(choose({}), ['9', '10']), ['10']);
  assert.deepEqual(versionsWithTraffic(choose({ traffic: { weights: { '1': 1, '3': 1 } } }), ['2']), ['3', '1']);
});

const version: fc.Arbitrary<string> = fc.constantFrom('1', '2', '3', '4', '5');
const weights = fc.dictionary(version, fc.constantFrom(0, 1, 2.5));
const comparing = fc.option(
  fc.record({
    arms: fc.array(fc.record({ name: fc.constant('x'), version, weight: fc.constantFrom(0, 1, 99) }), { maxLength: 3 }),
    purpose: fc.constant({ kind: 'rollout' as const, id: 'r' }),
    salt: fc.constant('r'),
  }),
  { nil: undefined },
);

test('arms are versions that exist, and their weights are either none or have a sum above 0', () => {
  const facts = fc.record({
    present: fc.uniqueArray(version, { maxLength: 5 }),
    line: fc.record({
      weights,
      aliases: fc.dictionary(fc.constantFrom('stable', 'beta'), version),
      latest: fc.integer({ min: 1, max: 3 }),
    }),
    ready: fc.uniqueArray(version),
    before: weights,
    rollout: comparing,
    experiment: comparing,
    running: fc.boolean(),
  });
  fc.assert(
    fc.property(facts, ({ present, line, ready, before, rollout, experiment, running }) => {
      const contents = releaseView({
        versions: present.map((number) => versionRecord('chat', number)),
        lines: [
          lineRecord('chat', { aliases: line.aliases, policy: { latest: line.latest }, traffic: { weights: line.weights } }),
        ],
        rollouts: running ? [rolloutRecord()] : [],
      });
      const previous = { traffic: choose({ traffic: { weights: before } }), ready: ['3'] };
      const traffic = chooseModelTraffic({
        contents,
        model: 'chat',
        ready,
        previous,
        ...(rollout && { rollout }),
        ...(experiment && { experiment }),
      });
      const sum = traffic.arms.reduce((total, arm) => total + arm.weight, 0);
      assert.ok(traffic.arms.length === 0 || sum > 0);
      assert.ok(traffic.arms.every((arm) => present.includes(arm.version) && arm.weight >= 0));
      assert.ok(Object.values(traffic.aliases).every((target) => present.includes(target)));
    }),
  );
});

test('after a promotion the version before goes on where its successor is not ready yet', () => {
  const last = rollout.arms.map((arm) => ({ ...arm, weight: arm.name === 'current' ? 0 : 100 }));
  const before = { traffic: choose({}, { rollout: { ...rollout, arms: last }, ready: ['2'] }), ready: ['2'] };
  const line = { traffic: { weights: { '3': 1 } } };
  const kept = choose(line, { ready: ['2'], previous: before });
  assert.deepEqual(shares(kept), { '2': 1 });
  assert.deepEqual(shares(choose(line, { ready: ['2'], previous: { traffic: kept, ready: ['2'] } })), { '2': 1 });
  assert.deepEqual(shares(choose(line, { ready: ['2', '3'], previous: { traffic: kept, ready: ['2'] } })), { '3': 1 });
});
