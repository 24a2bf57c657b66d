import { cpus, freemem, totalmem } from 'node:os';
import { Counter, Gauge, type Registry } from 'prom-client';
import { failureReasons, type StatisticsBook, type Tally, type VersionCounts } from './statistics-book.ts';

type Read = (counts: VersionCounts) => number;

const us =
  (tally: (counts: VersionCounts) => Tally): Read =>
  (counts) =>
    Math.round(tally(counts).ns / 1000);

/** Triton's names, without the ending that Prometheus recommends. Durations are the sum over all requests, in microseconds. */
const COUNTERS: ReadonlyArray<readonly [name: string, help: string, read: Read]> = [
  ['nv_inference_request_success', 'Number of successful inference requests, all batch sizes', ({ success }) => success.count],
  ['nv_inference_count', 'Number of inferences performed (does not include cached requests)', (counts) => counts.inferenceCount],
  [
    'nv_inference_exec_count',
    'Number of model executions performed (does not include cached requests)',
    (counts) => counts.executionCount,
  ],
  ['nv_inference_request_duration_us', 'Cumulative inference request duration in microseconds', us(({ success }) => success)],
  ['nv_inference_queue_duration_us', 'Cumulative inference queuing duration in microseconds', us(({ queue }) => queue)],
  [
    'nv_inference_compute_input_duration_us',
    'Cumulative compute input duration in microseconds',
    us((counts) => counts.computeInput),
  ],
  [
    'nv_inference_compute_infer_duration_us',
    'Cumulative compute inference duration in microseconds',
    us((counts) => counts.computeInfer),
  ],
  [
    'nv_inference_compute_output_duration_us',
    'Cumulative inference compute output duration in microseconds',
    us((counts) => counts.computeOutput),
  ],
  ['nv_cache_num_hits_per_model', 'Number of cache hits per model', ({ cacheHit }) => cacheHit.count],
  ['nv_cache_num_misses_per_model', 'Number of cache misses per model', ({ cacheMiss }) => cacheMiss.count],
  ['nv_cache_hit_duration_per_model', 'Total cache hit duration per model, in microseconds', us(({ cacheHit }) => cacheHit)],
  ['nv_cache_miss_duration_per_model', 'Total cache miss duration per model, in microseconds', us(({ cacheMiss }) => cacheMiss)],
];

/** Puts Triton's metrics into a registry; their values are read from the book when somebody looks. */
export function registerNvMetrics(registry: Registry, book: StatisticsBook): void {
  const registers = [fresh(registry)];
  const labelNames = ['model', 'version'] as const;
  for (const [name, help, read] of COUNTERS) {
    const counter: Counter<'model' | 'version'> = new Counter({
      name,
      help,
      labelNames,
      registers,
      collect() {
        counter.reset();
        for (const counts of book.all()) counter.inc(labelsOf(counts), read(counts));
      },
    });
  }
  registerFailures(registers, book);
  const pending: Gauge<'model' | 'version'> = new Gauge({
    name: 'nv_inference_pending_request_count',
    help: 'Instantaneous number of pending requests awaiting execution per-model',
    labelNames,
    registers,
    collect() {
      pending.reset();
      for (const counts of book.all()) pending.set(labelsOf(counts), counts.pending);
    },
  });
  registerMachine(registers);
}

function labelsOf({ name, version }: VersionCounts): { model: string; version: string } {
  return { model: name, version };
}

function registerFailures(registers: Registry[], book: StatisticsBook): void {
  const failures: Counter<'model' | 'version' | 'reason'> = new Counter({
    name: 'nv_inference_request_failure',
    help: 'Number of failed inference requests, all batch sizes',
    labelNames: ['model', 'version', 'reason'],
    registers,
    collect() {
      failures.reset();
      for (const counts of book.all())
        for (const reason of failureReasons) failures.inc({ ...labelsOf(counts), reason }, counts.failures[reason]);
    },
  });
}

function registerMachine(registers: Registry[]): void {
  const gauge = (name: string, help: string, read: () => number): void => {
    const made: Gauge = new Gauge({ name, help, registers, collect: () => made.set(read()) });
  };
  let last = processorTimes();
  gauge('nv_cpu_utilization', 'CPU utilization rate [0.0 - 1.0]', () => {
    const now = processorTimes();
    const total = now.total - last.total;
    const busy = total === 0 ? 0 : (total - (now.idle - last.idle)) / total;
    last = now;
    return Math.min(1, Math.max(0, busy));
  });
  gauge('nv_cpu_memory_total_bytes', 'CPU total memory (RAM), in bytes', totalmem);
  gauge('nv_cpu_memory_used_bytes', 'CPU used memory (RAM), in bytes', () => totalmem() - freemem());
}

function processorTimes(): { readonly idle: number; readonly total: number } {
  let idle = 0;
  let total = 0;
  for (const { times } of cpus()) {
    idle += times.idle;
    total += times.user + times.nice + times.sys + times.irq + times.idle;
  }
  return { idle, total };
}

/** A registry that outlives a gateway forgets the metrics of the one before. */
function fresh(registry: Registry): Registry {
  for (const { name } of registry.getMetricsAsArray()) if (name.startsWith('nv_')) registry.removeSingleMetric(name);
  return registry;
}
