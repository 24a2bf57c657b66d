import assert from 'node:assert/strict';
import { test } from 'node:test';
import { echoRequest, echoSpec } from '../../tests/support/echo-model.ts';
import { failingLoop, slowEngine, slowTask } from './drills.ts';
import { openEngine } from './engines/index.ts';
import { openLoop } from './open-loop.ts';
import type { Task, WorkItem } from './task.ts';

const sink = { emit: () => undefined };

test('a failing loop ends at every so many requests and counts no probes', async () => {
  let ends = 0;
  const loop = failingLoop(await openLoop(echoSpec), 3, () => (ends += 1));
  const endsAfter = [1, 2, 3, 4, 5, 6].map(() => {
    loop.accept({ request: loop.probeRequest(), delivery: 'whole' }, sink);
    loop.accept({ request: echoRequest('a'), delivery: 'whole' }, sink);
    return ends;
  });
  assert.deepEqual(endsAfter, [0, 0, 1, 1, 1, 2]);
  loop.close();
});

test('a slow engine gives the same answer, later', async () => {
  const engine = slowEngine(await openEngine(echoSpec), 20);
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
