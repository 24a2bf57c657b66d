import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Observation, Outcome } from '../../../core/messages/index.ts';
import { experimentPlanSchema, type ExperimentPlan } from '../experiment-plan.ts';
import {
  addObservation,
  addPart,
  keepLeastP,
  mergeEvidence,
  noEvidence,
  readEvidence,
  readResult,
  writeEvidence,
} from './index.ts';

const PLAN = experimentPlanSchema.parse({
  arms: [
    { name: 'a', version: '1' },
    { name: 'constructor', version: '2' },
  ],
  metric: 'firstToken',
  minimumEffect: 0.1,
  guards: [
    { metric: 'errors', limit: 0.02 },
    { metric: 'tokensOut', limit: 0.5 },
  ],
});
const B = 'constructor';

function uniformFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x9e3779b9) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 16), 0x21f0aaad);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
    return ((mixed ^ (mixed >>> 15)) >>> 0) / 2 ** 32;
  };
}

function observation(arm: string, unit: string, rest: Partial<Observation> = {}): Observation {
  const purpose = { kind: 'experiment', id: 'x' } as const;
  return {
    requestId: '',
    keyId: '',
    model: 'm',
    version: arm === 'a' ? '1' : '2',
    arm,
    purpose,
    unit,
    at: 0,
    outcome: 'ok',
    totalMs: 5,
    ...rest,
  };
}

/** Callers differ a lot from each other and little from themselves, and each sends up to forty requests. */
function simulate(uniform: () => number, { factor, callers }: { readonly factor: number; readonly callers: number }): boolean {
  let evidence = noEvidence(PLAN);
  for (let caller = 0; caller < callers; caller += 1) {
    const arm = uniform() < 0.5 ? 'a' : B;
    const own = 100 * Math.exp(uniform() + uniform() + uniform());
    const requests = 1 + Math.floor(40 * uniform());
    for (let request = 0; request < requests; request += 1)
      addObservation(
        evidence,
        PLAN,
        observation(arm, `c${caller}`, { firstTokenMs: own * (0.9 + 0.2 * uniform()) * (arm === B ? factor : 1) }),
      );
    if (caller % 20 !== 19) continue;
    const result = readResult({ plan: PLAN, evidence, assigned: {} });
    evidence = keepLeastP(evidence, result);
    const state = result.arms[1]?.versusControl?.state;
    if (state === 'better' || state === 'worse') return true;
  }
  return false;
}

test('callers who send much are not taken for many callers: equal arms are hardly ever told apart', () => {
  const runs = 150;
  const alarms = Array.from({ length: runs }, (_, seed) => simulate(uniformFrom(seed + 1), { factor: 1, callers: 300 })).filter(
    Boolean,
  );
  // Chance below 1e-6 with one of 5 % each.
  assert.ok(alarms.length <= 22, `${alarms.length} of ${runs}`);
});

test('a real difference between callers is found', () => {
  const found = Array.from({ length: 30 }, (_, seed) => simulate(uniformFrom(seed + 1), { factor: 1.6, callers: 400 })).filter(
    Boolean,
  );
  assert.ok(found.length >= 25, `${found.length} of 30`);
});

const answers = fc.array(
  fc.record({
    arm: fc.constantFrom('a', B, 'other'),
    unit: fc.string({ maxLength: 4 }),
    outcome: fc.constantFrom<Outcome>('ok', 'failed', 'timeout', 'refused', 'cancelled'),
    firstTokenMs: fc.double(),
    completionTokens: fc.integer(),
  }),
  { maxLength: 80 },
);

function evidenceOf(
  plan: ExperimentPlan,
  list: readonly (Partial<Observation> & { readonly arm: string; readonly unit: string })[],
) {
  const evidence = noEvidence(plan);
  for (const { arm, unit, ...rest } of list) addObservation(evidence, plan, observation(arm, unit, rest));
  return evidence;
}

test('evidence survives JSON, adds up in any order, and makes no number that is not finite', () => {
  fc.assert(
    fc.property(answers, answers, (one, other) => {
      const [a, b] = [evidenceOf(PLAN, one), evidenceOf(PLAN, other)];
      assert.deepEqual(
        readEvidence(JSON.parse(JSON.stringify(writeEvidence(a))) as object as ReturnType<typeof writeEvidence>, PLAN),
        a,
      );
      const [left, right] = [mergeEvidence(a, b), mergeEvidence(b, a)];
      for (const name of ['a', B]) assert.equal(left.arms[name]?.requests, right.arms[name]?.requests);
      const [ofLeft, ofRight] = [left, right].map((evidence) => readResult({ plan: PLAN, evidence, assigned: {} }));
      assert.deepEqual(
        ofLeft?.guards.map(({ state }) => state),
        ofRight?.guards.map(({ state }) => state),
      );
      const words = JSON.stringify(ofLeft);
      assert.doesNotMatch(words, /null|NaN|Infinity|undefined/);
      const compared = ofLeft?.arms[1]?.versusControl;
      if (compared !== undefined) assert.ok(compared.low <= compared.difference && compared.difference <= compared.high);
    }),
  );
});

test('a part is added once, whatever is between', () => {
  const seen = evidenceOf(PLAN, [{ arm: 'a', unit: 'u', firstTokenMs: 1 }]);
  let evidence = addPart(noEvidence(PLAN), { holder: 'p', number: 1, seen });
  evidence = addPart(evidence, { holder: 'q', number: 1, seen });
  evidence = addPart(evidence, { holder: 'p', number: 1, seen });
  evidence = addPart(evidence, { holder: 'p', number: 2, seen });
  assert.equal(evidence.arms['a']?.requests, 3);
  for (let holder = 0; holder < 200; holder += 1) evidence = addPart(evidence, { holder: `h${holder}`, number: 1, seen });
  assert.ok(Object.keys(evidence.parts).length <= 64);
});

test('evidence of another release, of another plan or of nothing at all begins anew', () => {
  assert.deepEqual(readEvidence({ version: 2 }, PLAN), noEvidence(PLAN));
  const { arms } = experimentPlanSchema.parse({ ...PLAN, arms: [...PLAN.arms, { name: 'c', version: '3' }] });
  assert.deepEqual(readEvidence(writeEvidence(noEvidence(PLAN)), { ...PLAN, arms }), noEvidence({ ...PLAN, arms }));
  assert.deepEqual(readEvidence({}, PLAN), noEvidence(PLAN));
});

test('guards hold, break by units when there are many callers, and break by requests when there are few', () => {
  const guardOf = (metric: string, list: Parameters<typeof evidenceOf>[1]) =>
    readResult({ plan: PLAN, evidence: evidenceOf(PLAN, list), assigned: {} }).guards.find((guard) => guard.metric === metric);
  const callers = Array.from({ length: 400 }, (_, index) => ({ arm: index % 2 === 0 ? 'a' : B, unit: `u${index}` }));
  const failing = callers.map((one, index) => ({
    ...one,
    outcome: one.arm === B && index % 8 === 1 ? ('failed' as const) : ('ok' as const),
  }));
  assert.equal(guardOf('errors', callers)?.state, 'holds');
  assert.equal(guardOf('errors', failing)?.state, 'broken');
  assert.match(guardOf('errors', failing)?.reason ?? '', /25 points higher than the control’s; the limit is 2 points/);
  const few = failing.map((one) => ({ ...one, unit: one.arm }));
  assert.equal(guardOf('errors', few)?.state, 'broken');
  assert.equal(guardOf('tokensOut', few)?.state, 'not-enough-data');
  const long = callers.map((one, index) => ({ ...one, completionTokens: (one.arm === B ? 200 : 100) + (index % 10) }));
  assert.equal(guardOf('tokensOut', long)?.state, 'broken');
});

test('what was certain once stays so when later answers blur it', () => {
  const callers = (count: number, ms: (arm: string) => number) =>
    Array.from({ length: count }, (_, index) => {
      const arm = index % 2 === 0 ? 'a' : B;
      return { arm, unit: `u${index}`, firstTokenMs: ms(arm) * (1 + (index % 7) / 50) };
    });
  const early = evidenceOf(
    PLAN,
    callers(200, (arm) => (arm === B ? 70 : 100)),
  );
  const first = readResult({ plan: PLAN, evidence: early, assigned: {} });
  assert.equal(first.arms[1]?.versusControl?.state, 'better');
  const noise = evidenceOf(
    PLAN,
    callers(200, (arm) => (arm === B ? 140 : 100)),
  );
  const later = readResult({ plan: PLAN, evidence: mergeEvidence(keepLeastP(early, first), noise), assigned: {} });
  assert.equal(later.arms[1]?.versusControl?.p, first.arms[1]?.versusControl?.p);
});
