import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { GenerateRequest } from '../core/inference/index.ts';
import { greedySampling } from '../core/inference/index.ts';
import { defaultOnnxOptions, type ModelSpec } from '../core/models/index.ts';
import { failingLoop, slowEngine, slowTask } from './drills.ts';
import { openEngine } from './engines/index.ts';
import { openLoop } from './open-loop.ts';
import type { Task, WorkItem } from './task.ts';

const spec: ModelSpec = {
  name: 'echo',
  version: '1',
  engine: 'echo',
  task: 'generate',
  onnx: defaultOnnxOptions,
  slots: 2,
  contextTokens: 64,
  threads: 0,
  gpuLayers: 0,
  queueLength: 4,
  queueTimeoutMs: 5_000,
  memoryLimitBytes: 0,
  stepMs: 0,
};

const request: GenerateRequest = {
  kind: 'generate',
  id: 'r',
  model: 'echo',
  timeLeftMs: 5_000,
  prompts: [{ type: 'text', text: 'a' }],
  choiceCount: 1,
  sampling: greedySampling,
  stop: [],
  constraint: { type: 'text' },
  echoesPrompt: false,
  ignoresEnd: false,
};

const sink = { emit: () => undefined };

test('a failing loop ends at every so many requests and counts no probes', async () => {
  let ends = 0;
  const loop = failingLoop(await openLoop(spec), 3, () => (ends += 1));
  const endsAfter = [1, 2, 3, 4, 5, 6].map(() => {
    loop.accept({ request: loop.probeRequest(), delivery: 'whole' }, sink);
    loop.accept({ request, delivery: 'whole' }, sink);
    return ends;
  });
  assert.deepEqual(endsAfter, [0, 0, 1, 1, 1, 2]);
  loop.close();
});

test('a slow engine gives the same answer, later', async () => {
  const engine = slowEngine(await openEngine(spec), 20);
  const startedAt = performance.now();
  const rows = [{ slot: 0, tokens: [1, 2], position: 0, outputs: 'last' as const }];
  assert.equal(engine.execute({ rows, results: 'hidden', precision: 'fast' }), 'exact');
  assert.equal(engine.hidden(1).length, engine.facts.embeddingDimensions);
  assert.ok(performance.now() - startedAt >= 19, 'it took the time that was added');
});

test('a slow task says that its graph was slow', async () => {
  const outcome = { type: 'finished', events: [] } as const;
  const quick: Pick<Task, 'execute'> = {
    execute: (items) => ({ outcomes: items.map(() => outcome), inputMs: 1, inferMs: 2, outputMs: 3 }),
  };
  const item: WorkItem = { shapeClass: 'a', rows: 1, rowCost: 1, promptTokens: 0 };
  const report = slowTask(quick as Task, 5).execute([item, item]);
  assert.deepEqual(report, { outcomes: [outcome, outcome], inputMs: 1, inferMs: 7, outputMs: 3 });
});
