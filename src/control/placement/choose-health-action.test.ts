import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { chooseHealthAction, type HealthView } from './choose-health-action.ts';

const calm: HealthView = {
  nowMs: 100_000,
  lastPongAtMs: 99_900,
  starvedMs: 0,
  lastStepAtMs: 99_900,
  workHeldSinceMs: undefined,
  heldRequests: 0,
  normalStepMs: 10,
  lastAnswerAtMs: 99_000,
  probeSentAtMs: undefined,
  rssBytes: 500,
  memoryLimitBytes: 0,
};

const rows: ReadonlyArray<readonly [title: string, change: Partial<HealthView>, expected: string]> = [
  ['an idle replica that pongs is left alone', {}, 'none'],
  ['a busy replica that steps is left alone', { workHeldSinceMs: 1_000, heldRequests: 4 }, 'none'],
  ['silence up to 20 steps and 2 s is normal', { lastPongAtMs: 100_000 - 2_200 }, 'none'],
  ['silence beyond 20 steps and 2 s means hung', { lastPongAtMs: 100_000 - 2_201 }, 'hung'],
  ['silence for want of a processor is excused', { lastPongAtMs: 100_000 - 9_000, starvedMs: 6_800 }, 'none'],
  ['silence beyond what is excused means hung', { lastPongAtMs: 100_000 - 9_001, starvedMs: 6_800 }, 'hung'],
  ['a tenth of a silence is never excused', { lastPongAtMs: 100_000 - 22_001, starvedMs: 1e9 }, 'hung'],
  ['an idle replica that falls silent is hung too', { lastPongAtMs: 90_000, heldRequests: 0 }, 'hung'],
  ['slow steps earn patience with silence', { lastPongAtMs: 100_000 - 12_000, normalStepMs: 500 }, 'none'],
  ['slow steps earn no endless patience', { lastPongAtMs: 100_000 - 12_001, normalStepMs: 500 }, 'hung'],
  ['work without a step for 20 steps and 2 s is normal', { workHeldSinceMs: 1_000, lastStepAtMs: 100_000 - 2_200 }, 'none'],
  ['work without a step for longer is no progress', { workHeldSinceMs: 1_000, lastStepAtMs: 100_000 - 2_201 }, 'no-progress'],
  ['the time without work does not count against it', { workHeldSinceMs: 99_500, lastStepAtMs: 10_000 }, 'none'],
  ['no step without work is fine', { lastStepAtMs: 0 }, 'none'],
  ['memory at the limit is allowed', { rssBytes: 800, memoryLimitBytes: 800 }, 'none'],
  ['memory above the limit ends it', { rssBytes: 801, memoryLimitBytes: 800 }, 'memory-limit'],
  ['a limit of zero is none', { rssBytes: 1e15, memoryLimitBytes: 0 }, 'none'],
  ['an idle replica without an answer for 20 s is probed', { lastAnswerAtMs: 80_000 }, 'probe'],
  ['just before 20 s it is not probed', { lastAnswerAtMs: 80_001 }, 'none'],
  ['one that holds requests is not probed', { lastAnswerAtMs: 0, heldRequests: 1 }, 'none'],
  ['one probe at a time is out', { lastAnswerAtMs: 0, probeSentAtMs: 99_000 }, 'none'],
  ['a probe without an answer is late', { lastAnswerAtMs: 0, probeSentAtMs: 100_000 - 2_201 }, 'probe-late'],
  ['answers to requests stand for the probe', { lastAnswerAtMs: 99_999, probeSentAtMs: 90_000 }, 'none'],
  ['a lost probe is noticed when other answers end', { lastAnswerAtMs: 97_000, probeSentAtMs: 90_000 }, 'probe-late'],
];

for (const [title, change, expected] of rows) {
  test(title, () => {
    const action = chooseHealthAction({ ...calm, ...change });
    assert.equal(action.type === 'replace' ? action.reason : action.type, expected);
  });
}

test('the detail of a memory replacement names both numbers', () => {
  const action = chooseHealthAction({ ...calm, rssBytes: 900_001, memoryLimitBytes: 900_000 });
  assert.ok(action.type === 'replace' && action.detail.includes('900001') && action.detail.includes('900000'));
});

test('a stalled replica is replaced at the latest 3 s after 20 normal steps, whatever else is true of it', () => {
  const view = fc.record({
    normalStepMs: fc.double({ min: 0, max: 60_000, noNaN: true }),
    lastAnswerAtMs: fc.nat(1e9),
    heldRequests: fc.nat(9),
  });
  const isSilent = fc.boolean();
  fc.assert(
    fc.property(view, isSilent, (given, silent) => {
      const since = 5_000;
      const nowMs = since + 20 * given.normalStepMs + 3_000 - 2 * 250;
      const stalled = { lastPongAtMs: silent ? since : nowMs, lastStepAtMs: since, workHeldSinceMs: since };
      return chooseHealthAction({ ...calm, ...given, ...stalled, nowMs }).type === 'replace';
    }),
  );
});
