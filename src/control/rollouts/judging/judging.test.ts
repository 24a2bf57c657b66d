import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { PlinthError } from '../../../core/errors/index.ts';
import type { Observation, Outcome, SampledAnswer } from '../../../core/messages/index.ts';
import { rolloutPlanSchema, type JudgeName, type RolloutPlan } from '../rollout-plan.ts';
import type { AnswerScores, Verdict } from '../verdict.ts';
import { judge, RolloutEvidence, type ComparedAnswers } from './index.ts';

const PLAN = rolloutPlanSchema.parse({});
const OK: Outcome = 'ok';

function begin(plan: RolloutPlan = PLAN): RolloutEvidence {
  return RolloutEvidence.begin({ baseline: '1', candidate: '2', plan });
}

function observation(version: string, rest: Partial<Observation> = {}): Observation {
  const purpose = { kind: 'rollout', id: 'r' } as const;
  return { requestId: '', keyId: '', model: 'm', version, arm: '', purpose, unit: '', at: 0, outcome: OK, totalMs: 100, ...rest };
}

function answer(version: string, rest: Partial<SampledAnswer> = {}): SampledAnswer {
  return { version, outcome: OK, totalMs: 100, events: [], ...rest };
}

function compared(rest: Partial<ComparedAnswers> = {}): ComparedAnswers {
  return { current: answer('1'), reference: answer('1'), candidate: answer('2'), ...rest };
}

const likeness = (similarity: number): AnswerScores => ({ exact: similarity === 1, normalised: similarity === 1, similarity });

function verdictOf(name: JudgeName, evidence: RolloutEvidence, plan: RolloutPlan = PLAN): Verdict {
  const verdict = judge(evidence, plan).find((one) => one.judge === name);
  assert.ok(verdict);
  return verdict;
}

/** As many answers of both, one after the other. */
function alternate(
  evidence: RolloutEvidence,
  count: number,
  draw: (version: string, index: number) => Partial<Observation>,
): void {
  for (let index = 0; index < count; index += 1)
    for (const version of ['1', '2']) evidence.observe(observation(version, draw(version, index)));
}

test('without evidence the judges that every rollout needs wait, and all others are off with a reason', () => {
  const verdicts = judge(begin(), PLAN);
  assert.deepEqual(
    verdicts.map(({ judge: name }) => name),
    Object.keys(PLAN.judges),
  );
  for (const { judge: name, state, reason } of verdicts) {
    assert.equal(state, name === 'errors' || name === 'timeouts' ? 'not-enough-data' : 'off', name);
    assert.notEqual(reason, '');
  }
});

test('a candidate whose compared answers all fail is found within eight comparisons', () => {
  const evidence = begin();
  const failing = compared({ candidate: answer('2', { outcome: 'failed' }) });
  let comparisons = 0;
  while (verdictOf('errors', evidence).state !== 'fail' && comparisons < 50) {
    evidence.compare(failing);
    comparisons += 1;
  }
  assert.ok(comparisons <= 8, `${comparisons}`);
  assert.match(
    verdictOf('errors', evidence).reason,
    /^8 of 8 answers failed \(100\.0 %\), 0 of 8 of version 1|^\d of \d answers failed/,
  );
});

test('a candidate whose live answers all fail is found within six of them at one percent, after a good shadow phase as well', () => {
  for (const shadows of [0, 200]) {
    const evidence = begin();
    for (let index = 0; index < shadows; index += 1) evidence.compare(compared());
    evidence.beginStep(0);
    let failures = 0;
    while (verdictOf('errors', evidence).state !== 'fail' && failures < 50) {
      for (let index = 0; index < 99; index += 1) evidence.observe(observation('1'));
      evidence.observe(observation('2', { outcome: 'failed' }));
      failures += 1;
    }
    assert.ok(failures <= 6, `${failures} after ${shadows}`);
  }
});

test('a candidate that fails on every twentieth request is found, and the verdict says how often', () => {
  const evidence = begin();
  evidence.beginStep(0);
  alternate(evidence, 400, (version, index) => (version === '2' && index % 20 === 7 ? { outcome: 'failed' } : {}));
  const verdict = verdictOf('errors', evidence);
  assert.equal(verdict.state, 'fail');
  assert.equal(verdict.reason.split(':')[0], '20 of 400 answers failed (5.00 %), 0 of 400 of version 1 (0.0 %)');
  assert.ok(verdict.difference && verdict.difference.low >= 0 && verdict.difference.estimate > 0.04);
});

test('the slow first answers of a candidate that has just started do not count, and few slow ones decide nothing', () => {
  const evidence = begin();
  const timed = (version: string, index: number): Partial<Observation> => ({
    firstTokenMs: version === '2' && index < 5 ? 900 : 100 + (index % 7),
    gapMs: version === '2' && index < 5 ? 90 : 10 + (index % 3),
    completionTokens: 8,
  });
  alternate(evidence, 5, timed);
  for (const name of ['firstToken', 'interToken'] as const) assert.notEqual(verdictOf(name, evidence).state, 'fail', name);
  alternate(evidence, 60, (version, index) => timed(version, index + 5));
  for (const name of ['firstToken', 'interToken'] as const) assert.equal(verdictOf(name, evidence).state, 'pass', name);
});

test('what looks worse than the limit and is not certain is no pass, and becomes one when more answers say otherwise', () => {
  const evidence = begin();
  alternate(evidence, 20, (version, index) => (version === '2' && index % 5 === 4 ? { outcome: 'failed' } : {}));
  assert.equal(verdictOf('errors', evidence).state, 'not-enough-data');
  alternate(evidence, 800, () => ({}));
  assert.equal(verdictOf('errors', evidence).state, 'pass');
});

test('failures of the second answer count for the current version, and answers that have no second one for nobody', () => {
  const evidence = begin();
  for (let index = 0; index < 60; index += 1) {
    const outcome = index % 3 === 0 ? 'failed' : 'ok';
    evidence.compare(compared({ reference: answer('1', { outcome }), candidate: answer('2', { outcome }) }));
  }
  assert.equal(verdictOf('errors', evidence).state, 'pass');
  assert.equal(verdictOf('errors', evidence).current, 1 / 3);
});

test('without second answers failing copies are held against what callers got', () => {
  const evidence = begin();
  const { reference: _, ...alone } = compared({ candidate: answer('2', { outcome: 'failed' }) });
  for (let index = 0; index < 40; index += 1) {
    evidence.observe(observation('1'));
    evidence.compare(alone);
  }
  assert.equal(verdictOf('errors', evidence).state, 'fail');
});

test('cancelled and refused answers count for nothing', () => {
  const evidence = begin();
  const before = JSON.stringify(evidence.toJson());
  for (const outcome of ['cancelled', 'refused'] as const) {
    evidence.observe(observation('2', { outcome }));
    evidence.compare(compared({ candidate: answer('2', { outcome }) }));
  }
  evidence.observe(observation('7', { outcome: 'failed' }));
  assert.equal(JSON.stringify(evidence.toJson()), before);
});

test('a candidate that is twice as slow fails on time, and an absurd time of the current one does not hide it', () => {
  const evidence = begin();
  evidence.beginStep(0);
  alternate(evidence, 60, (version, index) => ({
    firstTokenMs: (version === '2' ? 200 : index === 3 ? 1e12 : 100) * (1 + (index % 7) / 20),
    completionTokens: 50,
  }));
  const verdict = verdictOf('firstToken', evidence);
  assert.equal(verdict.state, 'fail');
  assert.equal(verdict.unit, 'ms');
  assert.match(verdict.reason, /certainly worse/);
});

test('times of tokens do not wait for models that have none, and durations not for those that have', () => {
  const texts = begin();
  const tensors = begin();
  alternate(texts, 30, () => ({ firstTokenMs: 100, gapMs: 20, completionTokens: 10, promptTokens: 10, isRefusal: false }));
  alternate(tensors, 30, () => ({
    promptTokens: 5,
    completionTokens: 0,
    output: { isBroken: false, isConstant: false, classes: ['a'] },
  }));
  const statesOf = (evidence: RolloutEvidence, state: string) =>
    judge(evidence, PLAN)
      .filter((verdict) => verdict.state === state)
      .map((verdict) => verdict.judge);
  assert.deepEqual(statesOf(texts, 'pass'), ['errors', 'timeouts', 'refusals', 'firstToken', 'interToken', 'tokensOut']);
  assert.deepEqual(statesOf(tensors, 'pass'), ['errors', 'timeouts', 'duration', 'drift', 'brokenOutputs']);
  assert.deepEqual(statesOf(texts, 'not-enough-data'), []);
  assert.deepEqual(statesOf(tensors, 'not-enough-data'), []);
});

test('feedback that is rare is not waited for, and bad feedback still decides', () => {
  const evidence = begin();
  alternate(evidence, 100, () => ({}));
  evidence.addFeedback({ version: '2', score: 1 });
  assert.equal(verdictOf('feedback', evidence).state, 'off');
  assert.match(verdictOf('feedback', evidence).reason, /only 1 of 100 answers/);
  for (let index = 0; index < 60; index += 1)
    for (const version of ['1', '2']) evidence.addFeedback({ version, score: version === '1' ? 1 : 0 });
  assert.equal(verdictOf('feedback', evidence).state, 'fail');
});

test('answers that get longer and answers that get shorter both fail, each beyond the limit', () => {
  for (const [tokens, state] of [
    [300, 'fail'],
    [30, 'fail'],
    [120, 'pass'],
  ] as const) {
    const evidence = begin();
    alternate(evidence, 80, (version, index) => ({
      completionTokens: (version === '2' ? tokens : 100) + (index % 10),
      firstTokenMs: 1,
    }));
    assert.equal(verdictOf('tokensOut', evidence).state, state, `${tokens}`);
  }
});

test('likeness is judged against the second answers of the current version, and says how many were equal', () => {
  const [worse, alike] = [begin(), begin()];
  for (let index = 0; index < 80; index += 1) {
    const own = 0.6 + (index % 5) / 20;
    worse.compare(compared(), { candidate: likeness(own - 0.2), reference: likeness(own) });
    alike.compare(compared(), { candidate: likeness(0.6 + ((index * 3) % 5) / 20), reference: likeness(own) });
  }
  assert.equal(verdictOf('similarity', worse).state, 'fail');
  assert.ok((verdictOf('similarity', worse).difference?.high ?? 0) <= 0);
  assert.equal(verdictOf('similarity', alike).state, 'pass');
});

test('perplexity, structure and preference of compared answers fail when they are worse', () => {
  const evidence = begin();
  for (let index = 0; index < 60; index += 1)
    evidence.compare(compared(), {
      candidate: likeness(0.5),
      likelihood: { candidate: -3 - (index % 3) / 10, current: -1 },
      structure: { candidate: index % 2 === 0, current: true },
      preference: index % 5 === 0 ? 1 : 0,
    });
  for (const name of ['perplexity', 'structure', 'preference'] as const)
    assert.equal(verdictOf(name, evidence).state, 'fail', name);
  assert.equal(verdictOf('similarity', evidence).state, 'off');
});

test('golden questions that neither version ever answers as expected are no pass', () => {
  const plan = rolloutPlanSchema.parse({ golden: [{ question: 'q', expect: { contains: ['a'] } }] });
  const evidence = begin(plan);
  const add = (count: number, current: boolean) => {
    for (let question = 0; question < count; question += 1) evidence.addGolden({ question, candidate: false, current });
  };
  add(19, false);
  assert.equal(verdictOf('golden', evidence, plan).state, 'not-enough-data');
  add(1, false);
  const { state, reason } = verdictOf('golden', evidence, plan);
  assert.equal(state, 'off');
  assert.match(reason, /neither version .* generates no text, or the expectations fit no answer/);
  add(20, true);
  assert.equal(verdictOf('golden', evidence, plan).state, 'fail');
});

test('answers that are the same are counted exactly and but for case and punctuation, of both', () => {
  const evidence = begin();
  const scores = (exact: boolean, normalised: boolean) => ({ exact, normalised, similarity: 1 });
  assert.equal(evidence.agreement, undefined);
  evidence.compare(compared(), { candidate: scores(true, true), reference: scores(false, true) });
  evidence.compare(compared(), { candidate: scores(false, true), reference: scores(false, false) });
  evidence.compare(compared(), { candidate: scores(true, true) });
  assert.deepEqual(evidence.agreement, { comparisons: 2, exact: 1, normalised: 2, referenceExact: 0, referenceNormalised: 1 });
});

test('golden questions are waited for when the plan has them, and lost ones fail', () => {
  const plan = rolloutPlanSchema.parse({ golden: [{ question: 'q', expect: { contains: ['a'] } }] });
  const [good, bad] = [begin(plan), begin(plan)];
  assert.equal(verdictOf('golden', begin(), PLAN).state, 'off');
  assert.equal(verdictOf('golden', good, plan).state, 'not-enough-data');
  for (let index = 0; index < 20; index += 1) {
    good.addGolden({ question: 0, candidate: true, current: true });
    bad.addGolden({ question: 0, candidate: false, current: true });
  }
  assert.equal(verdictOf('golden', good, plan).state, 'pass');
  assert.equal(verdictOf('golden', bad, plan).state, 'fail');
});

test('cost follows the prices of the plan', () => {
  const plan = rolloutPlanSchema.parse({ cost: { 1: { prompt: 1, completion: 2 }, 2: { prompt: 2, completion: 4 } } });
  const evidence = begin(plan);
  alternate(evidence, 60, (_, index) => ({ promptTokens: 100, completionTokens: 50 + (index % 9), firstTokenMs: 5 }));
  const verdict = verdictOf('cost', evidence, plan);
  assert.equal(verdict.state, 'fail');
  assert.match(verdict.reason, /100\.0 % more/);
});

test('broken numbers and other classes fail', () => {
  const evidence = begin();
  alternate(evidence, 150, (version, index) => ({
    output: {
      isBroken: version === '2' && index % 4 === 0,
      isConstant: false,
      classes: [version === '2' ? 'dog' : index % 2 === 0 ? 'cat' : 'dog'],
    },
  }));
  assert.equal(verdictOf('brokenOutputs', evidence).state, 'fail');
  assert.equal(verdictOf('drift', evidence).state, 'fail');
});

test('a limit of null switches a judge off, whatever there is to see', () => {
  const plan = rolloutPlanSchema.parse({ judges: { errors: null } });
  const evidence = begin(plan);
  alternate(evidence, 100, (version) => (version === '2' ? { outcome: 'failed' } : {}));
  assert.equal(verdictOf('errors', evidence, plan).state, 'off');
});

test('what goes wrong only in a later step is not outvoted by a good past', () => {
  const evidence = begin();
  alternate(evidence, 2_000, (_, index) => ({ firstTokenMs: 100 + (index % 10), completionTokens: 20 }));
  evidence.beginStep(3);
  alternate(evidence, 40, (version, index) => ({
    firstTokenMs: (version === '2' ? 300 : 100) + (index % 10),
    completionTokens: 20,
  }));
  const verdict = verdictOf('firstToken', evidence);
  assert.equal(verdict.state, 'fail');
  assert.match(verdict.reason, /in this step/);
});

test('counts tell how far the conditions of a step are met', () => {
  const evidence = begin();
  evidence.compare(compared());
  alternate(evidence, 5, () => ({}));
  evidence.beginStep(1);
  alternate(evidence, 3, () => ({}));
  assert.deepEqual(evidence.counts, { comparisons: 1, references: 0, liveCurrent: 8, liveCandidate: 8, stepCandidate: 3 });
});

const happenings = fc.array(
  fc.oneof(
    fc.record({
      kind: fc.constant('seen' as const),
      version: fc.constantFrom('1', '2', '3'),
      outcome: fc.constantFrom<Outcome>('ok', 'failed', 'timeout', 'refused', 'cancelled'),
      ms: fc.double(),
      tokens: fc.option(fc.integer({ min: -5, max: 1e9 }), { nil: undefined }),
      name: fc.option(fc.string(), { nil: undefined }),
    }),
    fc.record({
      kind: fc.constant('compared' as const),
      likeness: fc.double(),
      likelihood: fc.double(),
      structure: fc.boolean(),
    }),
    fc.record({ kind: fc.constant('step' as const), step: fc.integer({ min: 0, max: 4 }) }),
    fc.record({ kind: fc.constant('feedback' as const), version: fc.constantFrom('1', '2'), score: fc.double() }),
  ),
  { maxLength: 60 },
);
type Happening = (typeof happenings extends fc.Arbitrary<infer List> ? List : never) extends readonly (infer One)[] ? One : never;

function take(evidence: RolloutEvidence, happening: Happening): void {
  if (happening.kind === 'step') evidence.beginStep(happening.step);
  else if (happening.kind === 'feedback') evidence.addFeedback(happening);
  else if (happening.kind === 'compared')
    evidence.compare(compared(), {
      candidate: likeness(happening.likeness),
      reference: likeness(1 - happening.likeness),
      likelihood: { candidate: happening.likelihood, current: 0 },
      structure: { candidate: happening.structure, current: true },
    });
  else
    evidence.observe(
      observation(happening.version, {
        outcome: happening.outcome,
        totalMs: happening.ms,
        gapMs: happening.ms,
        ...(happening.tokens === undefined ? {} : { completionTokens: happening.tokens, firstTokenMs: happening.ms }),
        ...(happening.name === undefined ? {} : { output: { isBroken: false, isConstant: true, classes: [happening.name] } }),
      }),
    );
}

test('whatever is seen, evidence survives JSON, stays small, and every number of every verdict is finite', () => {
  fc.assert(
    fc.property(happenings, happenings, (before, after) => {
      const evidence = begin();
      for (const happening of before) take(evidence, happening);
      const text = JSON.stringify(evidence.toJson());
      assert.ok(text.length < 60_000, `${text.length}`);
      const again = RolloutEvidence.fromJson(JSON.parse(text));
      for (const happening of after) {
        take(evidence, happening);
        take(again, happening);
      }
      assert.deepEqual(again.toJson(), evidence.toJson());
      for (const verdict of judge(evidence, PLAN)) {
        const { current = 0, candidate = 0, difference = { estimate: 0, low: 0, high: 0 }, limit } = verdict;
        for (const number of [current, candidate, difference.estimate, difference.low, difference.high, limit])
          assert.ok(Number.isFinite(number), `${verdict.judge}: ${JSON.stringify(verdict)}`);
        assert.ok(difference.low <= difference.estimate && difference.estimate <= difference.high, JSON.stringify(verdict));
        assert.doesNotMatch(verdict.reason, /NaN|undefined|Infinity/);
      }
    }),
  );
});

test('evidence of two processes adds up to the same in either order', () => {
  fc.assert(
    fc.property(happenings, happenings, (a, b) => {
      const [one, other] = [begin(), begin()];
      for (const happening of a) take(one, happening);
      for (const happening of b) take(other, happening);
      const [left, right] = [one.merge(other), other.merge(one)];
      assert.deepEqual(left.counts, right.counts);
      const [ofLeft, ofRight] = [judge(left, PLAN), judge(right, PLAN)];
      assert.deepEqual(
        ofLeft.map(({ state }) => state),
        ofRight.map(({ state }) => state),
      );
      assert.equal(left.counts.liveCandidate, one.counts.liveCandidate + other.counts.liveCandidate);
    }),
  );
});

test('a document that is no evidence is refused with the place that is wrong', () => {
  const isRefusal = (pattern: RegExp) => (error: unknown) =>
    error instanceof PlinthError && error.code === 'invalid_request' && pattern.test(error.message);
  const document = begin().toJson();
  for (const wrong of [undefined, null, 7, [], {}])
    assert.throws(() => RolloutEvidence.fromJson(wrong), isRefusal(/cannot be read/));
  assert.throws(() => RolloutEvidence.fromJson({ ...document, version: 2 }), isRefusal(/version is not as expected/));
  assert.throws(() => RolloutEvidence.fromJson({ ...document, counts: { comparisons: -1 } }), isRefusal(/counts\.comparisons/));
});

test('evidence of other versions is not merged', () => {
  const other = RolloutEvidence.begin({ baseline: '1', candidate: '3', plan: PLAN });
  assert.throws(() => begin().merge(other), /versions 1 and 2 cannot be merged with that of 1 and 3/);
});

test('lengths, refusals and broken numbers of copies are judged before the canary, and live ones from then on', () => {
  const usage = (completionTokens: number) => ({
    events: [{ type: 'usage-report' as const, usage: { promptTokens: 9, cachedTokens: 0, completionTokens } }],
  });
  const output = (isBroken: boolean) => ({ isBroken, isConstant: false, classes: [] });
  const evidence = begin();
  const copy = (index: number) =>
    compared({
      current: answer('1', { ...usage(50 + (index % 5)), isRefusal: false, output: output(false) }),
      candidate: answer('2', { ...usage(500 + (index % 5)), isRefusal: true, output: output(true) }),
    });
  for (let index = 0; index < 60; index += 1) evidence.compare(copy(index));
  for (const name of ['tokensOut', 'refusals', 'brokenOutputs'] as const)
    assert.equal(verdictOf(name, evidence).state, 'fail', name);
  evidence.observe(observation('2', { completionTokens: 50 }));
  const { candidateCount } = verdictOf('tokensOut', evidence);
  evidence.compare(copy(0));
  assert.equal(verdictOf('tokensOut', evidence).candidateCount, candidateCount);
});

const numbers = { isBroken: false, isConstant: false, classes: [] };
const words = { firstTokenMs: 40, completionTokens: 20, promptTokens: 5, isRefusal: false };
const shapes: ReadonlyArray<readonly [title: string, current: Partial<Observation>, candidate: Partial<Observation>]> = [
  ['embeddings', { output: numbers }, { output: numbers }],
  ['classes', { output: { ...numbers, classes: ['a'] } }, { output: { ...numbers, classes: ['a'] } }],
  ['findings in pictures or sound', {}, {}],
  ['an upstream that tells no times between tokens, before a model that does', words, { ...words, gapMs: 9 }],
  ['a model that tells times between tokens, before an upstream that does not', { ...words, gapMs: 9 }, words],
  ['an upstream that counts no tokens', { firstTokenMs: 40, isRefusal: false }, { ...words, gapMs: 9 }],
  ['a version without words before one with', {}, { ...words, gapMs: 9 }],
  ['a version with words before one without', { ...words, gapMs: 9 }, {}],
];
for (const [title, current, candidate] of shapes)
  test(`no judge waits for ever for ${title}`, () => {
    const evidence = begin();
    alternate(evidence, 60, (version) => (version === '1' ? current : candidate));
    const waiting = judge(evidence, PLAN).filter(({ state }) => state === 'not-enough-data');
    assert.deepEqual(waiting, []);
  });
