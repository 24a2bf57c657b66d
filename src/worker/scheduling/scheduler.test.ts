import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Scheduler } from './scheduler.ts';
import type { Sequence } from './sequence.ts';

interface TestSequence extends Sequence {
  isPaused: boolean;
}

const SLOTS = 3;
const POOL = 60;

function sequence(prompt: readonly number[], options: { maxNewTokens: number; leader?: TestSequence }): TestSequence {
  const state = { status: 'waiting', slot: -1, computed: 0, exactLength: 0, reused: 0, isPaused: false } as const;
  return {
    tokens: [...prompt],
    promptLength: prompt.length,
    outputs: 'last',
    prefill: 'chunked',
    precision: 'fast',
    ...options,
    ...state,
  };
}

/** An engine's memory that knows which tokens each slot really holds, and objects to any wrong use. */
class ModelMemory {
  readonly held: number[][] = Array.from({ length: SLOTS }, () => []);

  keepPrefix(slot: number, length: number): void {
    this.held[slot] = (this.held[slot] ?? []).slice(0, length);
  }

  copyPrefix(from: number, to: number, length: number): void {
    assert.equal(this.held[to]?.length, 0, 'a prefix is copied into an empty slot only');
    assert.ok((this.held[from]?.length ?? 0) >= length, 'a prefix that is copied is there');
    this.held[to] = (this.held[from] ?? []).slice(0, length);
  }

  compute(slot: number, position: number, tokens: readonly number[]): void {
    assert.equal(this.held[slot]?.length, position, 'a row goes on where its slot ends');
    this.held[slot]?.push(...tokens);
  }
}

function simulate(scheduler: Scheduler<TestSequence>, memory: ModelMemory): TestSequence[] {
  const { rows } = scheduler.plan(() => ({ stepTokens: 16, prefillTokens: 8 }));
  const finished: TestSequence[] = [];
  for (const { sequence: one, position, count } of rows) {
    memory.compute(one.slot, position, one.tokens.slice(position, position + count));
    scheduler.advance({ sequence: one, position, count }, 'exact');
    assert.deepEqual(memory.held[one.slot], one.tokens.slice(0, one.computed), 'a slot holds its own sequence');
    if (one.computed < one.tokens.length) continue;
    if (one.tokens.length - one.promptLength >= one.maxNewTokens) finished.push(one);
    else one.tokens.push(one.tokens.length % 5);
  }
  for (const one of finished) scheduler.finish(one);
  return finished;
}

type Action =
  | { do: 'enqueue'; prompt: number[]; maxNewTokens: number }
  | { do: 'step' | 'make-room' }
  | { do: 'cancel' | 'pause'; which: number };

/** A waiting sequence takes the slot of a paused one, which then stands before it in line. */
const TAKEN_BACK_WHILE_SEATING: Action[] = [
  { do: 'enqueue', prompt: [0], maxNewTokens: 1 },
  { do: 'enqueue', prompt: [0], maxNewTokens: 1 },
  { do: 'step' },
  { do: 'enqueue', prompt: [0], maxNewTokens: 0 },
  { do: 'pause', which: 0 },
  { do: 'enqueue', prompt: [0], maxNewTokens: 0 },
  { do: 'step' },
];

const options = { slots: SLOTS, poolTokens: POOL, reusesPrefixes: 'yes' } as const;

test('every sequence finishes exactly once whatever is cancelled, paused or taken back on the way', () => {
  const prompts = fc.array(fc.integer({ min: 0, max: 2 }), { minLength: 1, maxLength: 20 });
  const action = fc.oneof(
    { weight: 4, arbitrary: fc.record({ do: fc.constant('enqueue' as const), prompt: prompts, maxNewTokens: fc.nat(6) }) },
    { weight: 8, arbitrary: fc.record({ do: fc.constant('step' as const) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('cancel' as const), which: fc.nat(10) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('pause' as const), which: fc.nat(10) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('make-room' as const) }) },
  );
  fc.assert(
    fc.property(fc.array(action, { maxLength: 60 }), (actions) => {
      const memory = new ModelMemory();
      const scheduler = new Scheduler<TestSequence>({ ...options, memory });
      const all: TestSequence[] = [];
      const ended: TestSequence[] = [];
      for (const step of actions) {
        const target = 'which' in step ? all[step.which] : undefined;
        if (step.do === 'enqueue') {
          const added = sequence(step.prompt, { maxNewTokens: step.maxNewTokens });
          all.push(added);
          scheduler.enqueue(added);
        } else if (step.do === 'step') ended.push(...simulate(scheduler, memory));
        else if (step.do === 'make-room') scheduler.makeRoom();
        else if (target !== undefined && target.status !== 'finished') {
          if (step.do === 'pause') target.isPaused = true;
          else {
            scheduler.finish(target);
            ended.push(target);
          }
        }
      }
      for (const one of all) one.isPaused = false;
      for (let turn = 0; turn < 2_000 && ended.length < all.length; turn++) ended.push(...simulate(scheduler, memory));
      assert.equal(ended.length, all.length, 'nothing starves');
      assert.equal(new Set(ended).size, ended.length, 'nothing finishes twice');
      assert.ok(scheduler.running.length === 0 && scheduler.waiting.length === 0);
    }),
    { numRuns: 1000, examples: [[TAKEN_BACK_WHILE_SEATING]] },
  );
});

test('a finished conversation is not read again when it goes on', () => {
  const memory = new ModelMemory();
  const scheduler = new Scheduler<TestSequence>({ ...options, memory });
  const first = sequence([1, 2, 3, 4, 5, 6], { maxNewTokens: 1 });
  scheduler.enqueue(first);
  while (first.status !== 'finished') simulate(scheduler, memory);
  const second = sequence([...first.tokens, 9], { maxNewTokens: 1 });
  scheduler.enqueue(second);
  simulate(scheduler, memory);
  assert.equal(second.reused, 7);
});

test('followers wait for their leader and then read only the last prompt token', () => {
  const memory = new ModelMemory();
  const scheduler = new Scheduler<TestSequence>({ ...options, memory });
  const prompt = Array.from({ length: 12 }, (_, i) => i);
  const leader = sequence(prompt, { maxNewTokens: 4 });
  const follower = sequence(prompt, { maxNewTokens: 4, leader });
  scheduler.enqueue(leader);
  scheduler.enqueue(follower);
  simulate(scheduler, memory);
  assert.equal(follower.status, 'waiting');
  simulate(scheduler, memory);
  simulate(scheduler, memory);
  assert.equal(follower.status, 'running');
  assert.equal(follower.reused, 11);
});

test('a sequence without a free slot takes the slot of a paused one', () => {
  const memory = new ModelMemory();
  const scheduler = new Scheduler<TestSequence>({ ...options, memory });
  const stuck = Array.from({ length: SLOTS }, (_, i) => sequence([i, i], { maxNewTokens: 50 }));
  for (const one of stuck) scheduler.enqueue(one);
  simulate(scheduler, memory);
  const [paused] = stuck;
  assert.ok(paused);
  paused.isPaused = true;
  const late = sequence([7, 7], { maxNewTokens: 1 });
  scheduler.enqueue(late);
  simulate(scheduler, memory);
  assert.equal(paused.status, 'waiting');
  assert.equal(late.status, 'running');
});
