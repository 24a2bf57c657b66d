import { text } from 'node:stream/consumers';
import type { z } from 'zod';
import { percentile } from '../harness/statistics.ts';

/** Runs a load client: its specification comes on standard input, its report goes to standard output. */
export async function runClient<Schema extends z.ZodType, Report>(
  schema: Schema,
  measure: (specification: z.output<Schema>) => Promise<Report>,
): Promise<void> {
  const report = await measure(schema.parse(JSON.parse(await text(process.stdin))));
  process.stdout.write(JSON.stringify(report), () => process.exit(0));
}

/** Processor share of this client since it began measuring: near 1 means that the client itself was the limit. */
export function watchOwnShare(): () => number {
  const cpuBefore = process.cpuUsage();
  const before = performance.now();
  return () => {
    const cpu = process.cpuUsage(cpuBefore);
    return (cpu.user + cpu.system) / 1000 / (performance.now() - before);
  };
}

export function summarize(latenciesMs: readonly number[]): { p50Ms: number; p99Ms: number; maxMs: number } {
  if (latenciesMs.length === 0) return { p50Ms: 0, p99Ms: 0, maxMs: 0 };
  return { p50Ms: percentile(latenciesMs, 0.5), p99Ms: percentile(latenciesMs, 0.99), maxMs: percentile(latenciesMs, 1) };
}
