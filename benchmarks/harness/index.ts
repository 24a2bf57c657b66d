export { compareSides, type Comparison, type ComparisonOptions } from './comparison.ts';
export { launch, type LaunchedProcess, type LaunchOptions } from './launched-process.ts';
export { readOptions, type BenchmarkOptions } from './options.ts';
export { PEERS_FOLDER, REPOSITORY_FOLDER } from './places.ts';
export { readTreeCpuSeconds } from './process-cpu.ts';
export { printMeasurement, writeReport, type ReportOptions } from './report.ts';
export { measureRounds, type Measurement, type Metrics, type Side } from './rounds.ts';
export { runClient, type ClientOptions } from './run-client.ts';
export { median, medianInterval, percentile, seededRandom, type Interval } from './statistics.ts';
