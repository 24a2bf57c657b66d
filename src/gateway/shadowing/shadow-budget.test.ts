import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { ShadowOrder } from '../../core/traffic/index.ts';
import { ShadowBudget } from './shadow-budget.ts';

const order: ShadowOrder = {
  to: '2',
  share: 1,
  mostConcurrent: 2,
  mostPerMinute: 5,
  reference: 'none',
  purpose: { kind: 'rollout', id: 'r' },
};

test('whatever comes and goes, never more copies run at once or begin in a minute than the order allows', () => {
  const step = fc.record({ waitMs: fc.nat(40_000), action: fc.constantFrom('enter', 'leave') });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const budget = new ShadowBudget();
      let nowMs = 0;
      let running = 0;
      let refusedWhileFree = 0;
      const begun: number[] = [];
      for (const { waitMs, action } of steps) {
        nowMs += waitMs;
        if (action === 'leave') {
          if (running === 0) continue;
          budget.leaveRunning();
          running -= 1;
        } else if (budget.enterRunning(order, nowMs)) {
          running += 1;
          begun.push(nowMs);
        } else if (running < order.mostConcurrent && begun.filter((at) => nowMs - at < 60_000).length === 0)
          refusedWhileFree += 1;
        assert.ok(running <= order.mostConcurrent);
      }
      assert.equal(refusedWhileFree, 0);
      // Two windows may touch in a stretch of one minute.
      for (const at of begun)
        assert.ok(begun.filter((other) => other >= at && other < at + 60_000).length <= 2 * order.mostPerMinute);
    }),
  );
});

test('so many answers are collected at once and no more', () => {
  const budget = new ShadowBudget();
  const entered = Array.from({ length: 40 }, () => budget.enterCollecting(order)).filter(Boolean);
  assert.equal(entered.length, 32);
  budget.leaveCollecting();
  assert.equal(budget.enterCollecting(order), true);
});
