import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PlinthError } from '../../../core/errors/index.ts';
import { readReason, readStartRequest } from './read-rollout-request.ts';

const refused: ReadonlyArray<readonly [body: unknown, param: string]> = [
  [undefined, 'the body'],
  [[], 'the body'],
  [{ to: '2' }, 'model'],
  [{ model: 'chat' }, 'to'],
  [{ model: 'chat', to: 'stable' }, 'to'],
  [{ model: 'chat', to: '0' }, 'to'],
  [{ model: 'chat', to: '@' }, 'to'],
  [{ model: 'chat', to: 2, from: -1 }, 'from'],
  [{ model: 'chat', to: 2, startegy: 'shadow' }, 'startegy'],
  [{ model: 'chat', to: 2, strategy: 'blue' }, 'strategy[0]'],
  [{ model: 'chat', to: 2, strategy: 'shadow', plan: { strategy: ['canary'] } }, 'strategy'],
  [{ model: 'chat', to: 2, plan: { steps: [{ percent: 5 }, { percent: 5 }] } }, 'plan.steps'],
  [{ model: 'chat', to: 2, plan: { steps: [{ percent: 101 }] } }, 'plan.steps[0].percent'],
  [{ model: 'chat', to: 2, plan: { judges: { speed: 1 } } }, 'plan.judges.speed'],
  [{ model: 'chat', to: 2, plan: { golden: [{ question: 'x', expect: {} }] } }, 'plan.golden[0].expect'],
];

for (const [body, param] of refused) {
  test(`a start of ${JSON.stringify(body)} is refused by the name of ${param}`, () => {
    assert.throws(
      () => readStartRequest(body),
      (error) =>
        error instanceof PlinthError &&
        error.code === 'invalid_request' &&
        error.facts.param === param &&
        error.message.includes(param),
    );
  });
}

test('versions may be numbers, digits or aliases, strategies a list or words', () => {
  const wish = readStartRequest({ model: 'chat', to: 4, from: '@stable', strategy: 'shadow, canary' });
  assert.equal(wish.to, '4');
  assert.equal(wish.from, '@stable');
  assert.deepEqual(wish.plan.strategy, ['shadow', 'canary']);
  assert.deepEqual(readStartRequest({ model: 'chat', to: '4', strategy: ['canary'] }).plan.strategy, ['canary']);
});

test('a plan keeps what it says and gets what it leaves out', () => {
  const { plan } = readStartRequest({ model: 'chat', to: 4, plan: { falseAlarmRate: 0.01 } });
  assert.equal(plan.falseAlarmRate, 0.01);
  assert.deepEqual(
    plan.steps.map(({ percent }) => percent),
    [1, 5, 25, 50, 100],
  );
});

test('many mistakes are told together, and not without end', () => {
  const steps = Array.from({ length: 15 }, () => ({ percent: 'much' }));
  assert.throws(
    () => readStartRequest({ model: 'chat', to: 4, plan: { steps } }),
    (error) => error instanceof PlinthError && error.message.endsWith('and 5 more'),
  );
});

test('a reason may be left out, and is bounded', () => {
  assert.equal(readReason(undefined), undefined);
  assert.equal(readReason({}), undefined);
  assert.equal(readReason({ reason: 'lunch' }), 'lunch');
  assert.throws(() => readReason({ reason: 'x'.repeat(501) }), /reason: /);
  assert.throws(() => readReason({ because: 'lunch' }), /because: there is no such field/);
});

test('plans that could never come to an end are refused, and so are expressions that are none', () => {
  const start = (plan: object) => readStartRequest({ model: 'chat', to: 2, plan });
  assert.throws(() => start({ shadow: { share: 0 } }), /plan\.shadow\.share: no request is copied/);
  assert.throws(() => start({ strategy: ['canary'], steps: [{ percent: 100 }] }), /plan\.steps\[0\]\.percent: without shadow/);
  assert.equal(start({ steps: [{ percent: 100 }] }).plan.steps.length, 1);
  assert.throws(
    () => start({ golden: [{ question: 'q', expect: { matches: '(' } }] }),
    /golden\[0\]\.expect\.matches: no regular expression/,
  );
});
