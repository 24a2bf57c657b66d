import assert from 'node:assert/strict';
import test from 'node:test';
import { Registry } from 'prom-client';
import type { ExecutionReport } from '../../core/inference/index.ts';
import { registerNvMetrics } from './nv-metrics.ts';
import { bookOutcome, StatisticsBook, type RequestOutcome } from './statistics-book.ts';

const execution: ExecutionReport = { batchRows: 3, ownRows: 1, isLead: true, inputMs: 1, inferMs: 4, outputMs: 2 };

function outcome(fields: Partial<RequestOutcome> = {}): RequestOutcome {
  const timings = { queueMs: 5, prefillMs: 0, decodeMs: 0, execution };
  return { totalMs: 12, timings, failure: undefined, cache: undefined, nowMs: 1000, ...fields };
}

test('requests of one batch count their own rows each and its execution once', () => {
  const book = new StatisticsBook();
  const counts = book.countsOf('m', '1');
  const follower = { ...execution, isLead: false, ownRows: 2 };
  bookOutcome(counts, outcome());
  bookOutcome(counts, outcome({ timings: { queueMs: 1, prefillMs: 0, decodeMs: 0, execution: follower } }));
  assert.equal(counts.inferenceCount, 3);
  assert.equal(counts.executionCount, 1);
  assert.deepEqual(counts.queue, { count: 2, ns: 6_000_000 });
  assert.deepEqual(counts.computeInfer, { count: 2, ns: 8_000_000 });
  assert.deepEqual([...counts.batches.keys()], [3]);
  assert.deepEqual(counts.batches.get(3)?.computeInfer, { count: 1, ns: 4_000_000 });
});

test('an answer from the cache succeeds without inference, a miss is counted beside it', () => {
  const counts = new StatisticsBook().countsOf('m', '1');
  bookOutcome(counts, outcome({ cache: 'hit' }));
  bookOutcome(counts, outcome({ cache: 'miss' }));
  assert.deepEqual([counts.success.count, counts.inferenceCount, counts.cacheHit.count, counts.cacheMiss.count], [2, 1, 1, 1]);
});

test('failures have a reason; a caller who left cancelled', () => {
  const counts = new StatisticsBook().countsOf('m', '1');
  for (const failure of ['queue_full', 'engine_failed', 'invalid_request', 'cancelled'] as const)
    bookOutcome(counts, outcome({ failure }));
  bookOutcome(counts, outcome({ timings: undefined }));
  assert.deepEqual(counts.failures, { REJECTED: 1, BACKEND: 1, OTHER: 1, CANCELED: 2 });
  assert.equal(counts.fail.count, 5);
  assert.equal(counts.success.count, 0);
});

test('the metrics page has the names of Triton without an ending, in microseconds, by version', async () => {
  const book = new StatisticsBook();
  bookOutcome(book.countsOf('m', '1'), outcome());
  bookOutcome(book.countsOf('m', '2'), outcome({ failure: 'queue_full' }));
  const registry = new Registry();
  registerNvMetrics(registry, book);
  await registry.metrics();
  const page = await registry.metrics();
  for (const line of [
    'nv_inference_request_success{model="m",version="1"} 1',
    'nv_inference_request_success{model="m",version="2"} 0',
    'nv_inference_request_failure{model="m",version="2",reason="REJECTED"} 1',
    'nv_inference_count{model="m",version="1"} 1',
    'nv_inference_exec_count{model="m",version="1"} 1',
    'nv_inference_request_duration_us{model="m",version="1"} 12000',
    'nv_inference_queue_duration_us{model="m",version="1"} 5000',
    'nv_inference_compute_infer_duration_us{model="m",version="1"} 4000',
    'nv_inference_pending_request_count{model="m",version="1"} 0',
  ])
    assert.ok(page.includes(`${line}\n`), line);
  assert.match(page, /^nv_cpu_memory_total_bytes \d+$/m);
});

test('a second gateway of a process takes the metrics over', async () => {
  const registry = new Registry();
  registerNvMetrics(registry, new StatisticsBook());
  const book = new StatisticsBook();
  registerNvMetrics(registry, book);
  bookOutcome(book.countsOf('m', '1'), outcome());
  assert.match(await registry.metrics(), /nv_inference_count\{model="m",version="1"\} 1/);
});
