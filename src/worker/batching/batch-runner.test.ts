import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import fc from 'fast-check';
import { PlinthError } from '../../core/errors/index.ts';
import type { InferenceEvent, InferenceRequest, TensorRequest } from '../../core/inference/index.ts';
import { defaultOnnxOptions, type DynamicBatching, type ModelSpec, type TensorModelConfig } from '../../core/models/index.ts';
import type { ItemOutcome, StepReport, Task, WorkItem } from '../task.ts';
import { BatchRunner } from './batch-runner.ts';

const spec: ModelSpec = {
  name: 'm',
  version: '1',
  engine: 'onnx',
  task: 'tensors',
  onnx: defaultOnnxOptions,
  slots: 0,
  contextTokens: 0,
  threads: 0,
  gpuLayers: 0,
  queueLength: 1000,
  queueTimeoutMs: 60_000,
  memoryLimitBytes: 0,
  stepMs: 0,
};

interface Word extends WorkItem {
  readonly text: string;
  stepsLeft: number;
}

/** Echoes words. `bad` cannot be prepared, `bomb` breaks its whole batch, `sour` fails alone, `long*3` takes three steps. */
class WordTask implements Task<Word> {
  readonly facts;
  readonly threads = 1;
  readonly maxBatchRows: number;
  readonly batches: string[][] = [];
  readonly slots: (readonly number[] | undefined)[] = [];
  readonly abandoned: string[] = [];

  constructor(config?: Partial<TensorModelConfig>, maxBatchRows = 4) {
    this.maxBatchRows = maxBatchRows;
    const facts = {
      architecture: 'words',
      parameterCount: 0,
      quantization: '',
      fileBytes: 0,
      engine: 'words 1',
      contextTokens: 0,
      embeddingDimensions: 0,
      slots: maxBatchRows,
      capabilities: [],
    };
    const whole = { inputs: [], outputs: [], parameters: {}, warmup: [], maxBatchSize: maxBatchRows, ...config };
    this.facts = config === undefined ? facts : { ...facts, tensors: { config: whole, platform: '', configJson: {} } };
  }

  prepare(request: InferenceRequest): readonly Word[] | Promise<readonly Word[]> {
    const texts = wordsOf(request);
    if (texts.includes('bad')) throw new PlinthError({ code: 'invalid_request', message: 'bad word' });
    const sequence = request.kind === 'tensors' ? request.sequence : undefined;
    const words = texts.map((text) => ({
      text,
      shapeClass: text.startsWith('B') ? 'b' : 'a',
      rows: 1,
      rowCost: 1,
      promptTokens: text.length,
      stepsLeft: Number(text.split('*')[1] ?? 1),
      ...(sequence && { sequence }),
    }));
    return texts.includes('slow') ? pause(5).then(() => words) : words;
  }

  execute(items: readonly Word[], slots?: readonly number[]): StepReport {
    this.batches.push(items.map(({ text }) => text));
    this.slots.push(slots);
    if (items.some(({ text }) => text === 'bomb')) throw new PlinthError({ code: 'engine_failed', message: 'boom' });
    return { outcomes: items.map((item) => this.#outcome(item)), inputMs: 1, inferMs: 2, outputMs: 3 };
  }

  #outcome(item: Word): ItemOutcome {
    if (item.text === 'sour') return { type: 'failed', error: { code: 'invalid_request', message: 'sour' } };
    const events: InferenceEvent[] = [{ type: 'text-delta', choice: 0, text: item.text }];
    item.stepsLeft--;
    return item.stepsLeft > 0 ? { type: 'continued', events } : { type: 'finished', events, completionTokens: 1 };
  }

  abandon(item: Word): void {
    this.abandoned.push(item.text);
  }

  probe(): InferenceRequest {
    return asking('probe');
  }

  close(): void {}
}

const wordsOf = (request: InferenceRequest): string[] => request.id.split(' ');

function asking(words: string, more: Partial<TensorRequest> = {}): TensorRequest {
  return { kind: 'tensors', id: words, model: 'm', timeLeftMs: 60_000, inputs: [], parameters: {}, ...more };
}

class Bench {
  readonly task: WordTask;
  readonly runner: BatchRunner<Word>;
  readonly heard: InferenceEvent[][] = [];

  constructor(task = new WordTask(), more: Partial<ModelSpec> = {}) {
    this.task = task;
    this.runner = new BatchRunner(task, { ...spec, ...more });
  }

  ask(words: string, more: Partial<TensorRequest> = {}) {
    const events: InferenceEvent[] = [];
    this.heard.push(events);
    const active = this.runner.accept(
      { request: asking(words, more), delivery: 'stream' },
      { emit: (event) => events.push(event) },
    );
    return { events, active };
  }

  drain(): void {
    while (this.runner.turn());
  }

  async settle(): Promise<void> {
    this.drain();
    while (!this.runner.isIdle) {
      await this.runner.arrival(20);
      this.drain();
    }
  }

  get terminals(): number[] {
    return this.heard.map((events) => events.filter(({ type }) => type === 'finished' || type === 'failed').length);
  }
}

const errorOf = (events: readonly InferenceEvent[]) => {
  const last = events.at(-1);
  return last?.type === 'failed' ? last.error : undefined;
};
const finishOf = (events: readonly InferenceEvent[]) => {
  const last = events.at(-1);
  assert.ok(last?.type === 'finished');
  return last.timings;
};

const merging: DynamicBatching = {
  preferredBatchSizes: [],
  maxQueueDelayUs: 0,
  ordering: 'free',
  priorityLevels: 0,
  defaultPriorityLevel: 0,
  defaultPolicy: { timeoutAction: 'reject', defaultTimeoutUs: 0, timeoutOverride: 'ignored', maxQueueSize: 0 },
  levelPolicies: {},
};

test('requests of different callers share a batch, and one of them counts the execution', () => {
  const bench = new Bench();
  const asked = ['a', 'b', 'c'].map((word) => bench.ask(word).events);
  bench.drain();
  assert.deepEqual(bench.task.batches, [['a', 'b', 'c']]);
  const executions = asked.map((events) => finishOf(events).execution);
  assert.deepEqual(
    executions.map((execution) => execution?.isLead),
    [true, false, false],
  );
  assert.deepEqual(executions[1], { batchRows: 3, ownRows: 1, isLead: false, inputMs: 1, inferMs: 2, outputMs: 3 });
});

test('an answer ends with its usage and its end', () => {
  const bench = new Bench();
  const { events } = bench.ask('one three');
  bench.drain();
  assert.deepEqual(
    events.map(({ type }) => type),
    ['text-delta', 'text-delta', 'usage-report', 'finished'],
  );
  assert.deepEqual(events[2], { type: 'usage-report', usage: { promptTokens: 8, cachedTokens: 0, completionTokens: 2 } });
  assert.equal(finishOf(events).execution?.ownRows, 2);
});

test('items of one request may go in several batches', () => {
  const bench = new Bench();
  const { events } = bench.ask('a b c d e f');
  bench.drain();
  assert.deepEqual(bench.task.batches, [
    ['a', 'b', 'c', 'd'],
    ['e', 'f'],
  ]);
  assert.equal(finishOf(events).execution?.batchRows, 2);
});

test('only items of one class share a batch, and classes do not hold each other up', () => {
  const bench = new Bench();
  for (const word of ['a', 'B', 'c', 'Bb']) bench.ask(word);
  bench.drain();
  assert.deepEqual(bench.task.batches, [
    ['a', 'c'],
    ['B', 'Bb'],
  ]);
});

test('a model that keeps order takes no item from behind one of another class', () => {
  const bench = new Bench(new WordTask({ dynamicBatching: { ...merging, ordering: 'preserved' } }));
  for (const word of ['a', 'B', 'c']) bench.ask(word);
  bench.drain();
  assert.deepEqual(bench.task.batches, [['a'], ['B'], ['c']]);
});

test('a configured model without dynamic batching answers each request by itself', () => {
  const bench = new Bench(new WordTask({}));
  for (const word of ['a', 'b']) bench.ask(word);
  bench.drain();
  assert.deepEqual(bench.task.batches, [['a'], ['b']]);
});

test('a request that cannot be prepared fails alone', () => {
  const bench = new Bench();
  const [good, bad] = [bench.ask('a'), bench.ask('bad')];
  bench.drain();
  assert.equal(errorOf(bad.events)?.message, 'bad word');
  finishOf(good.events);
});

test('a batch that breaks is tried item by item, so that only the one at fault fails', () => {
  const bench = new Bench();
  const asked = ['a', 'bomb', 'c'].map((word) => bench.ask(word).events);
  bench.drain();
  assert.deepEqual(bench.task.batches, [['a', 'bomb', 'c'], ['a'], ['bomb'], ['c']]);
  assert.deepEqual(
    asked.map(errorOf).map((error) => error?.message),
    [undefined, 'boom', undefined],
  );
});

test('an item that breaks by itself is abandoned', () => {
  const bench = new Bench();
  bench.ask('bomb');
  bench.drain();
  assert.deepEqual(bench.task.abandoned, ['bomb']);
});

test('an item that fails ends its request and abandons its other items', () => {
  const bench = new Bench(new WordTask(undefined, 1));
  const { events } = bench.ask('sour x y');
  bench.drain();
  assert.equal(errorOf(events)?.message, 'sour');
  assert.deepEqual(bench.task.batches, [['sour']]);
  assert.deepEqual(bench.task.abandoned, ['x', 'y']);
});

test('items that go on take turns with new ones', () => {
  const bench = new Bench(new WordTask(undefined, 1));
  bench.ask('x*3');
  bench.runner.turn();
  bench.ask('new');
  bench.drain();
  assert.deepEqual(bench.task.batches, [['x*3'], ['x*3'], ['new'], ['x*3']]);
});

test('a request that was cancelled is not executed and says nothing', () => {
  const bench = new Bench();
  const { events, active } = bench.ask('a');
  bench.ask('b');
  bench.runner.cancel(active);
  bench.drain();
  assert.deepEqual(bench.task.batches, [['b']]);
  assert.deepEqual(events, []);
});

test('a request that was cancelled between two steps takes no further one', () => {
  const bench = new Bench();
  const { active } = bench.ask('x*3');
  bench.runner.turn();
  bench.runner.cancel(active);
  bench.drain();
  assert.equal(bench.task.batches.length, 1);
  assert.deepEqual(bench.task.abandoned, ['x*3']);
});

test('a slow reader gets no further step until it has caught up', () => {
  const bench = new Bench();
  const { active, events } = bench.ask('x*2');
  bench.runner.turn();
  bench.runner.pause(active);
  bench.drain();
  assert.equal(bench.task.batches.length, 1);
  assert.equal(bench.runner.progress().runnableSequences, 0);
  bench.runner.resume(active);
  bench.drain();
  finishOf(events);
});

test('a request past its deadline is not executed', async () => {
  const bench = new Bench();
  const { events } = bench.ask('a', { timeLeftMs: 1 });
  await pause(3);
  bench.drain();
  assert.equal(errorOf(events)?.code, 'deadline_exceeded');
  assert.deepEqual(bench.task.batches, []);
});

test('a request that waits too long is refused in the words of Triton', async () => {
  const policy = { ...merging.defaultPolicy, defaultTimeoutUs: 1000 };
  const bench = new Bench(new WordTask({ dynamicBatching: { ...merging, defaultPolicy: policy } }));
  const { events } = bench.ask('a');
  await pause(3);
  bench.drain();
  assert.deepEqual([errorOf(events)?.code, errorOf(events)?.message], ['queue_timeout', 'Request timeout expired']);
});

test('a request that may be delayed goes on behind the others', async () => {
  const policy = { ...merging.defaultPolicy, timeoutOverride: 'allowed' as const, timeoutAction: 'delay' as const };
  const bench = new Bench(new WordTask({ dynamicBatching: { ...merging, defaultPolicy: policy } }, 1));
  bench.ask('first');
  bench.runner.turn();
  bench.ask('a', { queueTimeoutUs: 1000 });
  bench.ask('Bother*2');
  await pause(3);
  bench.ask('c');
  bench.drain();
  assert.equal(bench.task.batches.flat().at(-1), 'a');
  assert.ok(bench.terminals.every((count) => count === 1));
});

test('a full queue refuses in the words of Triton, and each level has its own', () => {
  const policy = { ...merging.defaultPolicy, maxQueueSize: 1 };
  const batching = { ...merging, priorityLevels: 2, defaultPriorityLevel: 2, defaultPolicy: policy };
  const bench = new Bench(new WordTask({ dynamicBatching: batching }));
  bench.ask('a');
  const { events } = bench.ask('b');
  bench.ask('urgent', { priority: 1 });
  bench.drain();
  assert.deepEqual([errorOf(events)?.code, errorOf(events)?.message], ['queue_full', 'Exceeds maximum queue size']);
  assert.deepEqual(bench.task.batches, [['urgent', 'a']]);
});

test('no more requests wait than the queue and one batch hold', () => {
  const bench = new Bench(new WordTask(), { queueLength: 2 });
  const asked = Array.from({ length: 8 }, (_, i) => bench.ask(`w${i}`).events);
  bench.drain();
  assert.deepEqual(asked.map((events) => errorOf(events)?.code ?? 'done').slice(5), ['done', 'queue_full', 'queue_full']);
});

test('a batch that was held back is sent when its delay is over', async () => {
  const batching = { ...merging, maxQueueDelayUs: 20_000 };
  const bench = new Bench(new WordTask({ dynamicBatching: batching }));
  for (const word of ['a', 'b']) bench.ask(word);
  await bench.settle();
  assert.deepEqual(bench.task.batches, [['a', 'b']]);
});

test('a request that is prepared elsewhere joins when it is ready', async () => {
  const bench = new Bench();
  const { events } = bench.ask('slow');
  bench.ask('a');
  await bench.settle();
  assert.deepEqual(bench.task.batches, [['a'], ['slow']]);
  finishOf(events);
});

test('no more requests are prepared at once than the task bears, and none that was cancelled meanwhile', async () => {
  const task = new WordTask();
  const prepared: string[] = [];
  const bench = new Bench(
    Object.assign(task, {
      mostPreparing: 1,
      prepare: (request: InferenceRequest) => {
        prepared.push(request.id);
        return WordTask.prototype.prepare.call(task, request);
      },
    }),
  );
  const [first, second, third] = ['slow 1', 'slow 2', 'slow 3'].map((words) => bench.ask(words));
  bench.drain();
  assert.deepEqual(prepared, ['slow 1']);
  const cannotStep = { runningSequences: 1, waitingRequests: 2, runnableSequences: 0 };
  assert.partialDeepStrictEqual(bench.runner.progress(), cannotStep);
  if (first !== undefined) bench.runner.cancel(first.active);
  if (second !== undefined) bench.runner.cancel(second.active);
  bench.drain();
  assert.deepEqual(prepared, ['slow 1'], 'a cancelled preparation goes on until it is done');
  assert.partialDeepStrictEqual(bench.runner.progress(), { ...cannotStep, waitingRequests: 1 });
  await bench.settle();
  assert.deepEqual(prepared, ['slow 1', 'slow 3']);
  finishOf(third?.events ?? []);
  assert.deepEqual(task.abandoned, ['slow', '1']);
});

test('a probe is answered even when the queue is full', () => {
  const bench = new Bench(new WordTask(undefined, 1), { queueLength: 0 });
  bench.ask('a');
  const events: InferenceEvent[] = [];
  bench.runner.accept({ request: bench.runner.probeRequest(), delivery: 'whole' }, { emit: (event) => events.push(event) });
  bench.drain();
  finishOf(events);
});

test('the work of the replica is counted as health looks at it', () => {
  const bench = new Bench();
  bench.ask('a b');
  assert.equal(bench.runner.progress().waitingRequests, 1);
  bench.drain();
  const { steps, generatedTokens, promptTokens, waitingRequests, runningSequences } = bench.runner.progress();
  assert.deepEqual([steps, generatedTokens, promptTokens, waitingRequests, runningSequences], [1, 2, 2, 0, 0]);
});

const oldest: TensorModelConfig['sequenceBatching'] = {
  maxIdleUs: 0,
  strategy: { type: 'oldest', maxCandidateSequences: 2, preferredBatchSizes: [], maxQueueDelayUs: 0, ordering: 'free' },
  controls: [],
  states: [],
};
const inSequence = (id: string, flags = '') => ({
  sequence: { id, idType: 'number' as const, isStart: flags.includes('s'), isEnd: flags.includes('e') },
});

test('steps of a sequence go in order, and sequences beyond the candidates wait for a slot', () => {
  const bench = new Bench(new WordTask({ sequenceBatching: oldest }));
  bench.ask('1a', inSequence('1', 's'));
  bench.ask('1b', inSequence('1', 'e'));
  bench.ask('2a', inSequence('2', 's'));
  bench.ask('3a', inSequence('3', 'se'));
  bench.drain();
  assert.deepEqual(bench.task.batches, [['1a', '2a'], ['1b'], ['3a']]);
  assert.deepEqual(bench.task.slots, [[0, 1], [0], [0]]);
});

test('a step without a start, and one without a sequence, are refused in the words of Triton', () => {
  const bench = new Bench(new WordTask({ sequenceBatching: oldest }));
  const lost = bench.ask('x', inSequence('7'));
  const bare = bench.ask('x');
  bench.drain();
  assert.equal(
    errorOf(lost.events)?.message,
    "inference request for sequence 7 to model 'm' must specify the START flag on the first request of the sequence",
  );
  assert.equal(
    errorOf(bare.events)?.message,
    "inference request to model 'm' must specify a non-zero or non-empty correlation ID",
  );
});

test('a cancelled step ends its sequence and those that wait behind it', () => {
  const bench = new Bench(new WordTask({ sequenceBatching: oldest }));
  const first = bench.ask('1a', inSequence('1', 's'));
  const second = bench.ask('1b', inSequence('1'));
  bench.runner.turn();
  bench.runner.cancel(second.active);
  const third = bench.ask('1c', inSequence('1'));
  bench.drain();
  finishOf(first.events);
  assert.match(errorOf(third.events)?.message ?? '', /must specify the START flag/);
  assert.deepEqual(bench.task.batches, [['1a']]);
});

test('a probe is answered while all slots are held', () => {
  const bench = new Bench(new WordTask({ sequenceBatching: oldest }));
  for (const id of ['1', '2']) bench.ask('a', inSequence(id, 's'));
  bench.drain();
  const events: InferenceEvent[] = [];
  bench.runner.accept({ request: bench.runner.probeRequest(), delivery: 'whole' }, { emit: (event) => events.push(event) });
  bench.drain();
  finishOf(events);
});

test('every request ends exactly once, whatever is asked, cancelled and paused', async () => {
  const word = fc.constantFrom('a', 'b', 'Bee', 'bad', 'bomb', 'sour', 'x*2', 'y*3');
  const action = fc.record({
    words: fc.array(word, { minLength: 1, maxLength: 4 }),
    then: fc.constantFrom('nothing', 'turn', 'cancel', 'pause', 'resume'),
    at: fc.nat(20),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(action, { maxLength: 30 }), fc.integer({ min: 1, max: 5 }), async (actions, maxRows) => {
      const bench = new Bench(new WordTask(undefined, maxRows));
      const asked: ReturnType<Bench['ask']>[] = [];
      const cancelled = new Set<number>();
      for (const { words, then, at } of actions) {
        asked.push(bench.ask(words.join(' ')));
        const target = at % asked.length;
        if (then === 'turn') bench.runner.turn();
        const other = asked[target]?.active;
        if (other === undefined || other.isEnded) continue;
        if (then === 'cancel') cancelled.add(target);
        if (then !== 'turn' && then !== 'nothing') bench.runner[then](other);
      }
      for (const { active } of asked) bench.runner.resume(active);
      await bench.settle();
      const expected = asked.map((_, i) => (cancelled.has(i) ? 0 : 1));
      assert.deepEqual(bench.terminals, expected);
      assert.equal(bench.runner.progress().runnableSequences, 0);
    }),
    { numRuns: 200 },
  );
});
