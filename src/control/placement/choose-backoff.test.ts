import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { chooseBackoff, type BackoffView } from './choose-backoff.ts';

const first: BackoffView = { previousFailures: 0, healthyMs: 0, reason: 'exited', jitter: 0.5 };

const rows: ReadonlyArray<readonly [title: string, change: Partial<BackoffView>, delayMs: number, failures: number]> = [
  ['the first failure waits 200 ms', {}, 200, 1],
  ['each further failure doubles the wait', { previousFailures: 3 }, 1_600, 4],
  ['the wait ends at 30 s', { previousFailures: 12 }, 30_000, 13],
  ['a thousand failures still wait 30 s', { previousFailures: 1_000 }, 30_000, 1_001],
  ['a healthy minute is forgiven', { previousFailures: 9, healthyMs: 60_000 }, 200, 1],
  ['less than a minute is not forgiven', { previousFailures: 4, healthyMs: 59_999 }, 3_200, 5],
  ['too much memory waits longer', { reason: 'memory-limit' }, 2_000, 1],
  ['too much memory again waits longer still', { reason: 'memory-limit', previousFailures: 9 }, 120_000, 10],
  ['low jitter shortens the wait by a fifth', { jitter: 0 }, 160, 1],
];

for (const [title, change, delayMs, failures] of rows) {
  test(title, () => assert.deepEqual(chooseBackoff({ ...first, ...change }), { delayMs, failures }));
}

test('a wait is never shorter than 160 ms nor longer than the cap', () => {
  const view = fc.record({
    previousFailures: fc.nat(),
    healthyMs: fc.nat(),
    reason: fc.constantFrom('exited' as const, 'hung' as const),
    jitter: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
  });
  fc.assert(fc.property(view, (given) => chooseBackoff(given).delayMs >= 160 && chooseBackoff(given).delayMs <= 30_000));
});
