import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { chooseDispatch, type DispatchView } from './choose-dispatch.ts';

const view: DispatchView = { rows: 1, enoughRows: 8, waitedMs: 0, maxDelayMs: 10, silentMs: 0, meanGapMs: 1 };

const cases: ReadonlyArray<readonly [what: string, change: Partial<DispatchView>, holdMs: number]> = [
  ['holds back while others are on their way', {}, 3],
  ['sends when there is no delay', { maxDelayMs: 0 }, 0],
  ['sends when there are enough', { rows: 8 }, 0],
  ['sends when the delay is over', { waitedMs: 10 }, 0],
  ['sends a lone request when nobody is expected within the delay', { meanGapMs: 50 }, 0],
  ['sends the very first request', { meanGapMs: Infinity }, 0],
  ['sends when the others have been silent for unusually long', { silentMs: 4 }, 0],
  ['holds back no longer than the delay', { meanGapMs: 6, waitedMs: 2 }, 8],
  ['waits a moment after requests that came together', { meanGapMs: 0 }, 0.1],
];

for (const [what, change, holdMs] of cases) {
  test(`the dispatch ${what}`, () => assert.equal(chooseDispatch({ ...view, ...change }), holdMs));
}

test('nobody is ever held back beyond the delay', () => {
  const time = fc.double({ min: 0, max: 1000, noNaN: true });
  fc.assert(
    fc.property(time, time, time, time, (waitedMs, maxDelayMs, silentMs, meanGapMs) => {
      const holdMs = chooseDispatch({ ...view, waitedMs, maxDelayMs, silentMs, meanGapMs });
      assert.ok(holdMs >= 0 && (holdMs === 0 || waitedMs + holdMs <= maxDelayMs + 1e-9));
    }),
  );
});
