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
/** Owner of buried cells. */
const GRAVE = -1;

function sequence(
  prompt: readonly number[],
  options: { maxNewTokens: number; leader?: TestSequence; precision?: 'exact' | 'fast' },
): TestSequence {
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

  buryTail(slot: number, length: number): void {
    this.keepPrefix(slot, length);
  }

  reclaim(): void {}

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

/** As llama.cpp's unified cache: every token takes the lowest free cell, and a cell is free when no slot owns it. */
class CellMemory extends ModelMemory {
  readonly #cells: (readonly [position: number, owners: Set<number>])[] = [];

  override keepPrefix(slot: number, length: number): void {
    super.keepPrefix(slot, length);
    for (const [position, owners] of this.#cells) if (position >= length) owners.delete(slot);
  }

  override buryTail(slot: number, length: number): void {
    for (const [position, owners] of this.#cells) if (owners.has(slot) && position >= length) owners.add(GRAVE);
    this.keepPrefix(slot, length);
  }

  override reclaim(): void {
    for (const [, owners] of this.#cells) owners.delete(GRAVE);
  }

  override copyPrefix(from: number, to: number, length: number): void {
    super.copyPrefix(from, to, length);
    for (const [position, owners] of this.#cells) if (owners.has(from) && position < length) owners.add(to);
  }

  override compute(slot: number, position: number, tokens: readonly number[]): void {
    super.compute(slot, position, tokens);
    tokens.forEach((_token, index) => {
      const free = this.#cells.findIndex(([, owners]) => owners.size === 0);
      this.#cells[free === -1 ? this.#cells.length : free] = [position + index, new Set([slot])];
    });
  }

  /** Positions of a slot's tokens in the order of its cells. */
  order(slot: number): number[] {
    return this.#cells.filter(([, owners]) => owners.has(slot)).map(([position]) => position);
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

test('an exact sequence always finds its state in the order of its tokens', () => {
  const prompts = fc.array(fc.integer({ min: 0, max: 1 }), { minLength: 1, maxLength: 14 });
  const added = fc.record({
    do: fc.constant('enqueue' as const),
    prompt: prompts,
    maxNewTokens: fc.nat(6),
    precision: fc.constantFrom('exact' as const, 'fast' as const),
  });
  const action = fc.oneof(
    { weight: 4, arbitrary: added },
    { weight: 8, arbitrary: fc.record({ do: fc.constant('step' as const) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('cancel' as const), which: fc.nat(10) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('make-room' as const) }) },
  );
  fc.assert(
    fc.property(fc.array(action, { maxLength: 60 }), (actions) => {
      const memory = new CellMemory();
      const scheduler = new Scheduler<TestSequence>({ ...options, memory });
      const all: TestSequence[] = [];
      const step = () => {
        simulate(scheduler, memory);
        for (const { precision, slot } of scheduler.running) {
          const order = memory.order(slot);
          if (precision === 'exact')
            assert.deepEqual(
              order,
              order.toSorted((a, b) => a - b),
            );
        }
      };
      for (const one of actions) {
        if (one.do === 'enqueue') {
          const { prompt, ...rest } = one;
          all.push(sequence(prompt, rest));
          scheduler.enqueue(all.at(-1) ?? sequence(prompt, rest));
        } else if (one.do === 'step') step();
        else if (one.do === 'make-room') scheduler.makeRoom();
        else {
          const target = all[one.which];
          if (target !== undefined && target.status !== 'finished') scheduler.finish(target);
        }
      }
      for (let turn = 0; turn < 2_000 && all.some(({ status }) => status !== 'finished'); turn++) step();
      assert.ok(
        all.every(({ status }) => status === 'finished'),
        'nothing starves',
      );
    }),
    { numRuns: 1000 },
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

test('a sequence whose answer is scored reads anew only from the token before that answer', () => {
  const memory = new ModelMemory();
  const scheduler = new Scheduler<TestSequence>({ ...options, memory });
  const finish = (one: TestSequence): number => {
    scheduler.enqueue(one);
    while (one.status !== 'finished') simulate(scheduler, memory);
    return one.reused;
  };
  const prompt = [1, 2, 3, 4, 5];
  const answered = [...prompt, 0, 1, 2];
  finish(sequence(answered, { maxNewTokens: 0 }));
  const scored = { ...sequence(answered, { maxNewTokens: 0 }), outputs: 'all' as const };
  assert.equal(finish({ ...scored, echoesFrom: prompt.length }), prompt.length - 1);
  assert.equal(finish(scored), 0);
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
