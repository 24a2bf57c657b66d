import {
  compareSides,
  measureRounds,
  printMeasurement,
  readOptions,
  readTreeCpuSeconds,
  runClient,
  writeReport,
  type Metrics,
  type Side,
} from './harness/index.ts';
import { streamsReport, type StreamsSpecification } from './load/index.ts';
import { startDirect, startFastapi, startPlinth, targetOf, type Served } from './peers/index.ts';

const SERVER_CPUS = '0';
const CLIENT_CPUS = '1';
const STREAMS = 1_000;
const STEP_MS = 50;
const RAMP_MS = 2_000;

async function measureStreams(served: Served, tokens: number): Promise<Metrics> {
  const body = JSON.stringify({
    model: served.model,
    messages: [{ role: 'user', content: 'Count for me, please, and do not stop before I tell you to.' }],
    max_tokens: tokens,
    temperature: 0,
    ignore_eos: true,
    stream: true,
  });
  const specification: StreamsSpecification = {
    target: targetOf(served, '/v1/chat/completions?stream'),
    bodies: Array.from({ length: STREAMS }, () => [body]),
    rampMs: RAMP_MS,
    keepsText: false,
  };
  const cpuBefore = readTreeCpuSeconds(served.process.pid);
  const report = await runClient({ client: 'stream-users.ts', specification, report: streamsReport, cpus: CLIENT_CPUS });
  const cpuSeconds = readTreeCpuSeconds(served.process.pid) - cpuBefore;
  const writes = report.records.reduce((sum, record) => sum + record.events, 0);
  return {
    writes,
    writesPerCoreSecond: writes / cpuSeconds,
    writesPerSecond: writes / report.seconds,
    serverCores: cpuSeconds / report.seconds,
    p50GapOverMs: report.gaps.p50Ms - STEP_MS,
    p99GapOverMs: report.gaps.p99Ms - STEP_MS,
    maxGapOverMs: report.gaps.maxMs - STEP_MS,
    incomplete: report.records.filter((record) => record.status !== 200 || record.events < tokens).length,
    clientShare: report.clientShare,
  };
}

const options = readOptions({ rounds: 6, seconds: 10 });
const tokens = Math.round((options.seconds * 1000) / STEP_MS);
const startPlinthEcho = (): Promise<Served> =>
  startPlinth({ model: { name: 'echo', engine: 'echo', slots: STREAMS, stepMs: STEP_MS }, cpus: SERVER_CPUS });
const starters: Readonly<Record<string, () => Promise<Served>>> = {
  plinth: startPlinthEcho,
  direct: () => startDirect({ cpus: SERVER_CPUS, stepMs: STEP_MS, tokens }),
  fastapi: () => startFastapi({ stepMs: STEP_MS, cpus: SERVER_CPUS }),
};
const names = Object.keys(starters).filter((name) => options.only.length === 0 || options.only.includes(name));
const servers = new Map<string, Served>();
try {
  for (const name of names) {
    const served = await starters[name]?.();
    if (served !== undefined) servers.set(name, served);
  }
  const sides: Side[] = [...servers].map(([name, served]) => ({ name, measure: () => measureStreams(served, tokens) }));
  const measurements = await measureRounds({ sides, rounds: options.rounds, onMeasured: printMeasurement });
  const compare = (peer: string, metric: string) =>
    compareSides(measurements, { ours: 'plinth', peer, metric, keepsNoisy: options.keepsNoisy });
  writeReport({
    name: 'b2-streaming-fan-out',
    title: `B2 streaming: ${STREAMS} streams × ${1000 / STEP_MS} tokens/s, ${tokens} tokens each`,
    measurements,
    comparisons: [
      compare('fastapi', 'writesPerCoreSecond'),
      compare('direct', 'writesPerCoreSecond'),
      compare('fastapi', 'p99GapOverMs'),
      compare('direct', 'p99GapOverMs'),
    ],
  });
} finally {
  await Promise.all([...servers.values()].map((served) => served.stop()));
}
