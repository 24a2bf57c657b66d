import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { lineRecord, releaseView, rolloutRecord, versionRecord } from '../../../tests/support/release-contents.ts';
import { chooseLoadedVersions, type LoadFacts } from './choose-loaded-versions.ts';
import { chooseModelTraffic } from './choose-model-traffic.ts';

const versions = ['1', '2', '3', '4'].map((version) => versionRecord('chat', version));
const others = ['1', '2'].map((version) => versionRecord('other', version));

function choose(line: Parameters<typeof lineRecord>[1], facts: Partial<LoadFacts> = {}) {
  const contents = releaseView({ versions, lines: [lineRecord('chat', line)] });
  return chooseLoadedVersions({ contents, model: 'chat', ready: [], experiments: [], now: 1000, keepWarmMs: 500, ...facts });
}

function numbers(choice: ReturnType<typeof choose>): readonly string[] {
  return choice.versions.map(({ record }) => record.version);
}

const cases: ReadonlyArray<readonly [name: string, line: Parameters<typeof lineRecord>[1], expected: readonly string[]]> = [
  ['latest 1', {}, ['4']],
  ['latest 2', { policy: { latest: 2 } }, ['4', '3']],
  ['all', { policy: { all: true } }, ['4', '3', '2', '1']],
  ['specific ones, one of which is gone', { policy: { specific: ['2', '9'] } }, ['2']],
  ['latest 1 below a held version', { traffic: { weights: { '3': 1 } } }, ['3']],
  ['latest 2 below a held version', { policy: { latest: 2 }, traffic: { weights: { '3': 1 } } }, ['3', '2']],
  ['all with weights', { policy: { all: true }, traffic: { weights: { '1': 1 } } }, ['4', '3', '2', '1']],
  ['a weight of 0', { traffic: { weights: { '3': 1, '4': 0 } } }, ['4', '3']],
  ['aliases', { aliases: { stable: '2', old: '1' } }, ['4', '2', '1']],
  [
    'own fallback by version and by alias',
    { aliases: { stable: '2' }, traffic: { fallback: ['@stable', '1'] } },
    ['4', '2', '1'],
  ],
  ['rules', { traffic: { rules: [{ when: { kinds: ['embed'] }, to: '3' }] } }, ['4', '3']],
  ['copies of requests', { traffic: { shadow: { to: '1', share: 1, mostConcurrent: 1, mostPerMinute: 1 } } }, ['4', '1']],
];

for (const [name, line, expected] of cases) {
  test(`loads what is asked for: ${name}`, () => assert.deepEqual(numbers(choose(line)), expected));
}

test('says why each version is loaded', () => {
  const choice = choose({ aliases: { stable: '4' }, traffic: { weights: { '4': 2 } } });
  assert.deepEqual(
    choice.versions.map(({ record, why }) => [record.version, why]),
    [['4', 'policy latest 1, alias stable, a weight of 2']],
  );
});

test('a target of another model is loaded', () => {
  const lines = [
    lineRecord('chat', { traffic: { fallback: ['other:1', 'other@stable'] } }),
    lineRecord('other', { aliases: { stable: '2' } }),
  ];
  const contents = releaseView({ versions: [...versions, ...others], lines });
  const choice = chooseLoadedVersions({ contents, model: 'other', ready: [], experiments: [], now: 0, keepWarmMs: 0 });
  assert.deepEqual(numbers(choice), ['2', '1']);
  assert.deepEqual(choice.versions[1]?.reasons, [{ kind: 'target', words: 'the fallback chain of chat' }]);
});

test('a rollout loads both of its versions from its start', () => {
  const rollouts = [rolloutRecord({ baseline: '2', candidate: '3', state: 'preparing' })];
  const contents = releaseView({ versions, lines: [lineRecord('chat', { traffic: { weights: { '2': 1 } } })], rollouts });
  assert.deepEqual(numbers(choose({}, { contents })), ['3', '2']);
});

test('an experiment loads its arms', () => {
  assert.deepEqual(numbers(choose({}, { experiments: [{ id: 'e_1', version: '1' }] })), ['4', '1']);
});

test('the version before a promotion stays warm, and time ends that', () => {
  const promoted = rolloutRecord({ baseline: '3', candidate: '4', state: 'promoted', endedAt: 900 });
  const contents = releaseView({ versions, lines: [lineRecord('chat', { traffic: { weights: { '4': 1 } } })] });
  const warm = choose({}, { contents, promoted });
  assert.deepEqual([numbers(warm), warm.changesAt], [['4', '3'], 1400]);
  const cold = choose({}, { contents, promoted, now: 1400 });
  assert.deepEqual([numbers(cold), cold.changesAt], [['4'], undefined]);
});

test('the version before a promotion stays warm also when a later rollout was rolled back', () => {
  const promoted = rolloutRecord({ baseline: '1', candidate: '3', state: 'promoted', endedAt: 900 });
  const rollouts = [rolloutRecord({ id: 'r_2', baseline: '3', candidate: '4', state: 'rolled-back', endedAt: 950 })];
  const contents = releaseView({ versions, lines: [lineRecord('chat', { traffic: { weights: { '3': 1 } } })], rollouts });
  const choice = choose({}, { contents, promoted });
  assert.deepEqual([numbers(choice), choice.changesAt], [['3', '1'], 1400]);
  assert.equal(choice.versions[1]?.isSpare, true);
});

test('what a rehearsal compares is loaded and makes no room for others', () => {
  const choice = choose({ traffic: { weights: { '3': 1 } } }, { rehearsed: ['3', '4'] });
  assert.deepEqual(numbers(choice), ['4', '3']);
  assert.deepEqual(choice.versions[0]?.reasons, [{ kind: 'rehearsal', words: 'a rehearsal' }]);
  assert.equal(choice.versions[0]?.isSpare, false);
});

test('a candidate that was rolled back is not kept', () => {
  const rollouts = [rolloutRecord({ baseline: '3', candidate: '4', state: 'rolled-back', endedAt: 900 })];
  const contents = releaseView({ versions, lines: [lineRecord('chat', { traffic: { weights: { '3': 1 } } })], rollouts });
  assert.deepEqual(numbers(choose({}, { contents })), ['3']);
});

test('the version that answers stays until its successor is ready', () => {
  const contents = releaseView({ versions, lines: [lineRecord('chat')] });
  const at = (ready: readonly string[]) => {
    const traffic = chooseModelTraffic({ contents, model: 'chat', ready });
    const choice = choose({}, { contents, ready, traffic });
    assert.ok(choice.versions.every(({ record, isSpare }) => isSpare === (record.version === '3')));
    return numbers(choice);
  };
  assert.deepEqual(at(['3']), ['4', '3']);
  assert.deepEqual(at(['3', '4']), ['4']);
});

test('every version that has weight, alias or answers is loaded, and nothing that does not exist', () => {
  const number = fc.constantFrom('1', '2', '3', '4', '5');
  const facts = fc.record({
    weights: fc.dictionary(number, fc.constantFrom(0, 1)),
    aliases: fc.dictionary(fc.constantFrom('a', 'b'), number),
    ready: fc.uniqueArray(fc.constantFrom('1', '2', '3', '4')),
  });
  fc.assert(
    fc.property(facts, ({ weights, aliases, ready }) => {
      const contents = releaseView({ versions, lines: [lineRecord('chat', { aliases, traffic: { weights } })] });
      const traffic = chooseModelTraffic({ contents, model: 'chat', ready });
      const loaded = numbers(choose({}, { contents, ready, traffic }));
      const named = [...Object.keys(weights), ...Object.values(aliases), ...traffic.arms.map((arm) => arm.version)];
      assert.ok(named.filter((version) => version !== '5').every((version) => loaded.includes(version)));
      assert.ok(!loaded.includes('5') && loaded.length > 0);
    }),
  );
});
