import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { chooseArm, scoreArms, type SeededArm } from './choose-arm.ts';
import { seedOf, unitOf } from './unit-of.ts';

const SALT = 'salt';

function seeded(version: string, weight: number): SeededArm {
  return { name: `v${version}`, version, weight, key: version, seed: seedOf(version) };
}

function pick(arms: readonly SeededArm[], unit: string, serving?: ReadonlySet<string>): string | undefined {
  const scored = scoreArms(
    arms,
    unitOf({ salt: SALT, kind: 'caller', value: unit }),
    ({ version }) => serving?.has(version) ?? true,
  );
  return chooseArm(scored)?.arm.version;
}

const UNITS = Array.from({ length: 4000 }, (_, index) => `key-${index}`);
const weight = fc.integer({ min: 1, max: 1000 });
const weights = fc.array(weight, { minLength: 2, maxLength: 6 });
const armsOf = (all: readonly number[]): SeededArm[] => all.map((one, index) => seeded(String(index + 1), one));
const few = { numRuns: 40 };

test('moving weight between two arms moves only units from the one to the other', () => {
  fc.assert(
    fc.property(weight, weight, fc.nat(), (from, to, part) => {
      const moved = part % from;
      const before = [seeded('3', from), seeded('4', to)];
      const after = [seeded('3', from - moved), seeded('4', to + moved)];
      for (const unit of UNITS.slice(0, 300)) {
        const [was, is] = [pick(before, unit), pick(after, unit)];
        assert.ok(was === is || (was === '3' && is === '4'));
      }
    }),
    few,
  );
});

test('among several arms nobody leaves an arm that gains and nobody comes to one that loses', () => {
  fc.assert(
    fc.property(weights, fc.nat(), (all, part) => {
      const [first = 1, second = 1, ...others] = all;
      const moved = part % first;
      const after = armsOf([first - moved, second + moved, ...others]);
      for (const unit of UNITS.slice(0, 300)) {
        const [was, is] = [pick(armsOf(all), unit), pick(after, unit)];
        if (was === is) continue;
        assert.notEqual(was, '2');
        assert.notEqual(is, '1');
      }
    }),
    few,
  );
});

test('multiplying all weights moves nobody', () => {
  fc.assert(
    fc.property(weights, fc.integer({ min: 2, max: 50 }), (all, factor) => {
      for (const unit of UNITS.slice(0, 200))
        assert.equal(pick(armsOf(all), unit), pick(armsOf(all.map((one) => one * factor)), unit));
    }),
    few,
  );
});

test('the order in which arms are listed decides nothing', () => {
  fc.assert(
    fc.property(
      weights.chain((all) => fc.tuple(fc.constant(armsOf(all)), fc.shuffledSubarray(armsOf(all), { minLength: all.length }))),
      ([arms, shuffled]) => {
        for (const unit of UNITS.slice(0, 200)) assert.equal(pick(arms, unit), pick(shuffled, unit));
      },
    ),
    few,
  );
});

test('an arm without weight is never chosen, and one that does not serve only when none with weight does', () => {
  const arm = fc.record({ weight: fc.constantFrom(0, 1, 50), isServing: fc.boolean() });
  fc.assert(
    fc.property(fc.array(arm, { minLength: 1, maxLength: 5 }), fc.nat(3999), (all, index) => {
      const arms = armsOf(all.map((one) => one.weight));
      const serving = new Set(arms.filter((_, at) => all[at]?.isServing).map(({ version }) => version));
      const chosen = pick(arms, UNITS[index] ?? '', serving);
      const open = arms.filter((one) => one.weight > 0);
      if (open.length === 0) return assert.equal(chosen, undefined);
      assert.ok(open.some(({ version }) => version === chosen));
      if (open.some(({ version }) => serving.has(version))) assert.ok(serving.has(chosen ?? ''));
    }),
    { numRuns: 300 },
  );
});

const shares: ReadonlyArray<readonly number[]> = [
  [99, 1],
  [50, 50],
  [1, 2, 3, 4],
  [5, 5, 5, 5, 5],
];

for (const all of shares) {
  test(`units spread over weights ${all.join(':')} as the weights say`, () => {
    const arms = armsOf(all);
    const total = all.reduce((sum, one) => sum + one, 0);
    const counts = new Map<string, number>();
    for (let index = 0; index < 20_000; index += 1) {
      const chosen = pick(arms, `unit-${index}`) ?? '';
      counts.set(chosen, (counts.get(chosen) ?? 0) + 1);
    }
    for (const { version, weight: own } of arms) {
      const share = own / total;
      // Six standard deviations of a binomial count.
      const tolerance = 6 * Math.sqrt((share * (1 - share)) / 20_000);
      assert.ok(Math.abs((counts.get(version) ?? 0) / 20_000 - share) < tolerance, `version ${version}: ${counts.get(version)}`);
    }
  });
}

test('another salt deals units anew, independently', () => {
  const arms = armsOf([1, 1]);
  const under = (salt: string, unit: string): string | undefined =>
    chooseArm(scoreArms(arms, unitOf({ salt, kind: 'caller', value: unit }), () => true))?.arm.version;
  const same = UNITS.filter((unit) => under('a', unit) === under('b', unit)).length;
  assert.ok(same > 1800 && same < 2200, String(same));
});

test('a unit tells neither its value nor its kind', () => {
  const one = unitOf({ salt: SALT, kind: 'caller', value: 'key-1' });
  assert.match(one.id, /^[0-9a-f]{16}$/);
  assert.notEqual(one.id, unitOf({ salt: SALT, kind: 'header', value: 'key-1' }).id);
  assert.notEqual(one.id, unitOf({ salt: 'other', kind: 'caller', value: 'key-1' }).id);
});
