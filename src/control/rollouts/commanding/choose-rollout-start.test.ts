import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PlinthError } from '../../../core/errors/index.ts';
import type { ExperimentRecord, LineRecord, ReleaseContents, RolloutRecord, VersionRecord } from '../../../core/records/index.ts';
import { defaultTrafficPolicy } from '../../../core/traffic/index.ts';
import { rolloutPlanSchema } from '../rollout-plan.ts';
import { chooseRolloutStart, type StartFacts } from './choose-rollout-start.ts';

interface Given {
  readonly versions?: readonly string[];
  readonly weights?: Readonly<Record<string, number>>;
  readonly aliases?: Readonly<Record<string, string>>;
  readonly serving?: readonly string[];
  readonly textless?: readonly string[];
  readonly golden?: readonly object[];
  readonly rollout?: Partial<RolloutRecord>;
  readonly experiment?: Partial<ExperimentRecord>;
}

function start(given: Given, to: string, from?: string) {
  const versions = (given.versions ?? ['1', '2', '10']).map((version) => ({ model: 'chat', version }) as VersionRecord);
  const traffic = { ...defaultTrafficPolicy, weights: given.weights ?? {} };
  const line: LineRecord = { model: 'chat', policy: { latest: 2 }, aliases: given.aliases ?? {}, traffic, revision: 4 };
  const contents: ReleaseContents = {
    revision: 1,
    versions: [...versions, { model: 'other', version: '77' } as VersionRecord],
    lines: given.weights === undefined && given.aliases === undefined ? [] : [line],
    rollouts: given.rollout === undefined ? [] : [{ model: 'chat', id: 'r_0', ...given.rollout } as RolloutRecord],
    experiments: given.experiment === undefined ? [] : [{ model: 'chat', id: 'e_0', ...given.experiment } as ExperimentRecord],
  };
  const { serving = [], textless = [], golden = [] } = given;
  const facts: StartFacts = { contents, serving, textless, id: 'r_1', actor: 'local', at: 9 };
  return chooseRolloutStart({ model: 'chat', to, from, plan: rolloutPlanSchema.parse({ golden }) }, facts);
}

const baselines: ReadonlyArray<readonly [title: string, given: Given, to: string, from: string | undefined, baseline: string]> = [
  ['the version with the weight', { weights: { 1: 1 } }, '10', undefined, '1'],
  ['the version with most of the weight', { weights: { 1: 9, 2: 1 } }, '2', undefined, '1'],
  ['without weights the highest version that answers', { serving: ['1', '2', '10'] }, '1', undefined, '10'],
  ['never a candidate that answers but has no weight', { serving: ['1', '2', '10'] }, '10', undefined, '2'],
  ['the highest other one when none answers', {}, '10', undefined, '2'],
  ['the one that is named when it is the preferred one', { weights: { 2: 1 } }, '1', '2', '2'],
  ['the one that an alias names', { weights: { 2: 1 }, aliases: { stable: '2' } }, '1', '@stable', '2'],
];

for (const [title, given, to, from, baseline] of baselines) {
  test(`the baseline is ${title}`, () => {
    const { rollout, line, audit } = start(given, to, from);
    assert.equal(rollout.baseline, baseline);
    assert.deepEqual(line?.traffic.weights, { [baseline]: 1 });
    assert.equal(rollout.state, 'preparing');
    assert.equal(audit.action, 'rollout.started');
    assert.deepEqual(audit.detail['weightsBefore'], given.weights ?? {});
  });
}

test('an alias may name the candidate', () => {
  assert.equal(start({ weights: { 1: 1 }, aliases: { next: '10' } }, '@next').rollout.candidate, '10');
});

const refusals: ReadonlyArray<readonly [title: string, code: string, words: RegExp, given: Given, to: string, from?: string]> = [
  ['a model without versions', 'model_not_found', /no model 'chat'/, { versions: [] }, '2'],
  ['an unknown candidate', 'version_not_found', /^to: 'chat' has no version 3; it has 1, 2, 10/, {}, '3'],
  ["another model's version", 'version_not_found', /^to: /, {}, '77'],
  ['an unknown alias', 'version_not_found', /no version @next/, {}, '@next'],
  ['an alias that only looks like one', 'version_not_found', /no version @constructor/, {}, '@constructor'],
  ['an unknown baseline', 'version_not_found', /^from: /, {}, '2', '3'],
  ['a candidate that is the baseline', 'invalid_request', /both version 2/, {}, '2', '2'],
  ['a candidate that has all requests already', 'conflict', /go to version 2 already/, { weights: { 2: 1 } }, '2'],
  ['a model with one version only', 'conflict', /no version but 1/, { versions: ['1'] }, '1'],
  ['weight on a third version', 'conflict', /also has weight on version 2/, { weights: { 1: 5, 2: 1 } }, '10'],
  [
    'a baseline that requests do not go to',
    'conflict',
    /go to version 2; a rollout from 1/,
    { weights: { 2: 1, 1: 0 } },
    '10',
    '1',
  ],
  ['a second rollout', 'conflict', /rolled out already: r_0/, { rollout: { state: 'canary', candidate: '2' } }, '2'],
  ['a running experiment', 'conflict', /experiment with 'chat' is running: e_0/, { experiment: { state: 'running' } }, '2'],
];

for (const [title, code, words, given, to, from] of refusals) {
  test(`a start is refused for ${title}`, () => {
    assert.throws(
      () => start(given, to, from),
      (error) => error instanceof PlinthError && error.code === code && words.test(error.message),
    );
  });
}

test('golden questions for a version that generates no text are refused, and those for others are not', () => {
  const golden = [{ question: '2 + 2?', expect: { contains: ['4'] } }];
  const begin = (textless: readonly string[]) => start({ weights: { 1: 1 }, textless, golden }, '2');
  for (const version of ['1', '2'])
    assert.throws(
      () => begin([version]),
      (error) =>
        error instanceof PlinthError &&
        error.facts.param === 'plan.golden' &&
        /version \d of 'chat' generates no text/.test(error.message),
    );
  begin(['10']);
  start({ weights: { 1: 1 }, textless: ['1', '2'] }, '2');
});

test('what has ended stands in nobody’s way', () => {
  start({ weights: { 1: 1 }, rollout: { state: 'rolled-back' }, experiment: { state: 'stopped' } }, '2');
});
