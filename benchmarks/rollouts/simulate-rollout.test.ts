import assert from 'node:assert/strict';
import { test } from 'node:test';
import { rolloutPlanSchema } from '../../src/control/rollouts/judging/index.ts';
import { seededRandom } from '../harness/index.ts';
import { chanceOfAtMost, lowerBound, upperBound } from './binomial.ts';
import { createDraws } from './draws.ts';
import { classifier, languageModel, roughModel, type VersionTraits } from './simulated-world.ts';
import { simulateRollout, type SimulatedEnd } from './simulate-rollout.ts';

const PLAN = rolloutPlanSchema.parse({});
/** So unlikely results would mean that the judges do not keep what they promise. */
const BEYOND_CHANCE = 1e-6;

interface Trial {
  readonly runs: number;
  readonly current: VersionTraits;
  readonly candidate?: VersionTraits;
  readonly seed: number;
}

function simulate({ runs, current, candidate = current, seed }: Trial): readonly SimulatedEnd[] {
  const draws = createDraws(seededRandom(seed));
  const rollout = { plan: PLAN, current, candidate, lookEvery: 20, compares: 'throughout' } as const;
  return Array.from({ length: runs }, () => simulateRollout(rollout, draws));
}

test('versions that are alike are rolled back no more often than the plan allows, and promoted else', () => {
  const runs = 30;
  const ends = [languageModel, classifier, roughModel].flatMap((current, seed) => simulate({ runs, current, seed: seed + 1 }));
  const back = ends.filter(({ action }) => action === 'roll-back').length;
  assert.ok(1 - chanceOfAtMost(back - 1, ends.length, PLAN.falseAlarmRate) > BEYOND_CHANCE, `${back} of ${ends.length}`);
  assert.ok(ends.every(({ action }) => action !== 'hold'));
});

test('a loss of quality of five percent is found before half of the requests are at stake', () => {
  const runs = 80;
  const candidate = { ...languageModel, score: { ...languageModel.score, mean: languageModel.score.mean - 0.05 } };
  const ends = simulate({ runs, current: languageModel, candidate, seed: 9 });
  const found = ends.filter(({ action, percent }) => action === 'roll-back' && percent < 50).length;
  assert.ok(chanceOfAtMost(found, runs, 0.9) > BEYOND_CHANCE, `${found} of ${runs}`);
  assert.ok(ends.every(({ failed }) => failed.length === 0 || failed.includes('similarity')));
});

test('a version that answers nothing never reaches a caller', () => {
  const ends = simulate({ runs: 10, current: languageModel, candidate: { ...languageModel, errorRate: 1 }, seed: 5 });
  for (const end of ends) {
    assert.deepEqual([end.action, end.exposed], ['roll-back', 0]);
    assert.ok(end.comparisons <= 20);
  }
});

test('bounds of a rate enclose it and meet the chances that they are made for', () => {
  assert.ok(Math.abs(chanceOfAtMost(2, 4, 0.5) - 11 / 16) < 1e-12);
  assert.ok(Math.abs(upperBound(0, 100) - (1 - 0.025 ** (1 / 100))) < 1e-9);
  assert.ok(lowerBound(50, 100) < 0.5 && upperBound(50, 100) > 0.5);
  assert.deepEqual([lowerBound(0, 10), upperBound(10, 10) > 0.999], [0, true]);
});
