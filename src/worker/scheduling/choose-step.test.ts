import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chooseStep } from './choose-step.ts';
import type { Sequence } from './sequence.ts';

function sequence(options: {
  prompt: number;
  generated?: number;
  computed?: number;
  isPaused?: true;
  prefill?: 'whole';
}): Sequence {
  const { prompt, generated = 0, computed = 0, isPaused = false, prefill = 'chunked' } = options;
  const tokens = Array.from({ length: prompt + generated }, (_, i) => i);
  const fixed = {
    maxNewTokens: 8,
    outputs: 'last',
    precision: 'fast',
    status: 'running',
    slot: 0,
    exactLength: 0,
    reused: 0,
  } as const;
  return { ...fixed, tokens, promptLength: prompt, computed, isPaused, prefill };
}

const budget = { stepTokens: 32, prefillTokens: 16 };
const counts = (running: readonly Sequence[], limits = budget) =>
  chooseStep(running, limits).map(({ position, count }) => [position, count]);

const rows = [
  { title: 'an empty batch has no rows', running: [], expected: [] },
  {
    title: 'a decoding sequence computes its newest token',
    running: [sequence({ prompt: 4, generated: 1, computed: 4 })],
    expected: [[4, 1]],
  },
  { title: 'a long prompt is cut to the budget', running: [sequence({ prompt: 40 })], expected: [[0, 16]] },
  { title: 'a cut prompt goes on where it was', running: [sequence({ prompt: 40, computed: 32 })], expected: [[32, 8]] },
  {
    title: 'decoding comes before prompts whatever came first',
    running: [sequence({ prompt: 40 }), sequence({ prompt: 4, generated: 1, computed: 4 })],
    expected: [
      [4, 1],
      [0, 16],
    ],
  },
  { title: 'a paused sequence computes nothing', running: [sequence({ prompt: 40, isPaused: true })], expected: [] },
  {
    title: 'the budget goes to the prompt that was admitted first',
    running: [sequence({ prompt: 10 }), sequence({ prompt: 40 })],
    expected: [
      [0, 10],
      [0, 6],
    ],
  },
  { title: 'a whole prompt is not cut', running: [sequence({ prompt: 20, prefill: 'whole' })], expected: [[0, 20]] },
  {
    title: 'a whole prompt that does not fit beside another waits',
    running: [sequence({ prompt: 15 }), sequence({ prompt: 20, prefill: 'whole' })],
    expected: [[0, 15]],
  },
  {
    title: 'a preempted sequence reads its own tokens again',
    running: [sequence({ prompt: 4, generated: 3, computed: 0 })],
    expected: [[0, 7]],
  },
] as const;

for (const { title, running, expected } of rows) {
  test(title, () => assert.deepEqual(counts(running), expected));
}

test('a budget of nothing still lets one prompt token through', () => {
  assert.deepEqual(counts([sequence({ prompt: 4 })], { stepTokens: 32, prefillTokens: 0 }), [[0, 1]]);
});
