import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Comparison } from './comparison.ts';
import { describeMachine } from './machine.ts';
import { RESULTS_FOLDER } from './places.ts';
import type { Measurement } from './rounds.ts';

function formatNumber(value: number): string {
  if (!Number.isFinite(value)) return '–';
  if (Math.abs(value) >= 1000) return Math.round(value).toLocaleString('en-US');
  return Number(value.toPrecision(3)).toString();
}

/** A GitHub-flavoured Markdown table whose columns line up. */
export function formatTable(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const lines = rows.map((row) => `| ${widths.map((width, column) => (row[column] ?? '').padEnd(width)).join(' | ')} |`);
  const rule = `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`;
  return [lines[0], rule, ...lines.slice(1)].join('\n');
}

export function formatComparisons(comparisons: readonly Comparison[]): string {
  const measured = comparisons.filter((comparison) => comparison.allPairs > 0);
  const rows = measured.map((comparison) => {
    const { ratio } = comparison;
    return [
      comparison.metric,
      formatNumber(comparison.ourMedian),
      comparison.peer,
      formatNumber(comparison.peerMedian),
      `${formatNumber(ratio.median)} (${formatNumber(ratio.low)}–${formatNumber(ratio.high)})`,
      `${comparison.usedPairs} of ${comparison.allPairs}`,
    ];
  });
  return formatTable([['metric', 'Plinth', 'peer', 'peer value', 'ratio (95 % CI)', 'pairs used'], ...rows]);
}

/** Long form, one line per value: it takes any set of metrics and is easy to pivot. */
function formatCsv(measurements: readonly Measurement[]): string {
  const lines = measurements.flatMap(({ round, side, metrics, noise }) =>
    Object.entries(metrics).map(([metric, value]) =>
      [round, side, metric, value, noise.foreignShare.toFixed(3), noise.stealShare.toFixed(3), noise.isNoisy ? 1 : 0].join(','),
    ),
  );
  return `round,side,metric,value,foreign_share,steal_share,is_noisy\n${lines.join('\n')}\n`;
}

export function printMeasurement(measurement: Measurement): void {
  const values = Object.entries(measurement.metrics).map(([metric, value]) => `${metric} ${formatNumber(value)}`);
  const noise = measurement.noise.isNoisy ? ` [noisy: ${Math.round(measurement.noise.foreignShare * 100)} % foreign]` : '';
  console.log(`round ${measurement.round + 1} ${measurement.side}: ${values.join(', ')}${noise}`);
}

export interface ReportOptions {
  /** Names the file in benchmarks/results. */
  readonly name: string;
  readonly title: string;
  readonly measurements: readonly Measurement[];
  readonly comparisons: readonly Comparison[];
}

/** Writes results/<name>.csv and results/<name>.md, and prints the latter. */
export function writeReport(options: ReportOptions): void {
  mkdirSync(RESULTS_FOLDER, { recursive: true });
  const text = `## ${options.title}\n\n${describeMachine()}\n\n${formatComparisons(options.comparisons)}\n`;
  writeFileSync(path.join(RESULTS_FOLDER, `${options.name}.csv`), formatCsv(options.measurements));
  writeFileSync(path.join(RESULTS_FOLDER, `${options.name}.md`), text);
  console.log(`\n${text}`);
}
