import path from 'node:path';
import {
  compareSides,
  measureRounds,
  printMeasurement,
  readOptions,
  readTreeCpuSeconds,
  runClient,
  writeReport,
  type BenchmarkOptions,
  type Metrics,
  type Side,
} from './harness/index.ts';
import { loopReport, type ClosedLoopSpecification, type OpenLoopSpecification } from './load/index.ts';
import { startDirect, startFastapi, startLitellm, startPlinth, targetOf, type Served } from './peers/index.ts';

const SERVER_CPUS = '0';
const CLIENT_CPUS = '1';
const CONNECTIONS = 64;
const BODY_BYTES = 2_048;
const ANSWER_TOKENS = 16;

function formatBody(model: string): string {
  const shape = (content: string): string =>
    JSON.stringify({
      model,
      messages: [
        { role: 'system', content: 'You are a helpful assistant.' },
        { role: 'user', content },
      ],
      max_tokens: ANSWER_TOKENS,
      temperature: 0,
    });
  const text = 'The quick brown fox jumps over the lazy dog. '.repeat(BODY_BYTES / 40);
  return shape(text.slice(0, BODY_BYTES - shape('').length));
}

async function measureClosedLoop(served: Served, model: string, seconds: number): Promise<Metrics> {
  const specification: ClosedLoopSpecification = {
    target: targetOf(served, '/v1/chat/completions'),
    body: formatBody(model),
    connections: CONNECTIONS,
    seconds,
  };
  const cpuBefore = readTreeCpuSeconds(served.process.pid);
  const report = await runClient({ client: 'closed-loop.ts', specification, report: loopReport, cpus: CLIENT_CPUS });
  const cpuSeconds = readTreeCpuSeconds(served.process.pid) - cpuBefore;
  return {
    requestsPerSecond: report.requests / report.seconds,
    requestsPerCoreSecond: report.requests / cpuSeconds,
    p50Ms: report.p50Ms,
    p99Ms: report.p99Ms,
    failures: report.failures,
    clientShare: report.clientShare,
  };
}

async function measureOpenLoop(
  served: Served,
  options: { ratePerSecond: number; seconds: number; seed: number },
): Promise<Metrics> {
  const specification: OpenLoopSpecification = {
    target: targetOf(served, '/v1/chat/completions'),
    bodies: [formatBody(served.model)],
    connections: CONNECTIONS,
    ...options,
  };
  const report = await runClient({ client: 'open-loop.ts', specification, report: loopReport, cpus: CLIENT_CPUS });
  return {
    halfLoadP50Ms: report.p50Ms,
    halfLoadP99Ms: report.p99Ms,
    halfLoadMaxMs: report.maxMs,
    halfLoadRate: options.ratePerSecond,
    halfLoadFailures: report.failures,
    halfLoadClientLagP99Ms: report.p99LagMs,
  };
}

interface Started {
  readonly served: Served;
  /** Name of the side → model asked for. */
  readonly models: Readonly<Record<string, string>>;
}

async function startSides({ only, before }: BenchmarkOptions): Promise<{ started: Started[]; stopAll: () => Promise<void> }> {
  const wants = (name: string): boolean => only.length === 0 || only.includes(name);
  const upstream = await startFastapi({ name: 'litellm-upstream', stepMs: 0, cpus: CLIENT_CPUS });
  const started: Started[] = [];
  const model = { name: 'echo', engine: 'echo', slots: CONNECTIONS };
  if (wants('plinth')) started.push({ served: await startPlinth({ model, cpus: SERVER_CPUS }), models: { plinth: 'echo' } });
  if (before !== '') {
    const served = await startPlinth({ name: 'plinth-before', model, checkout: path.resolve(before), cpus: SERVER_CPUS });
    started.push({ served, models: { before: 'echo' } });
  }
  if (wants('direct')) started.push({ served: await startDirect({ cpus: SERVER_CPUS }), models: { direct: 'echo' } });
  if (wants('fastapi')) {
    started.push({ served: await startFastapi({ stepMs: 0, cpus: SERVER_CPUS }), models: { fastapi: 'echo' } });
  }
  if (wants('fastapi-default')) {
    const served = await startFastapi({ name: 'fastapi-default', stepMs: 0, cpus: SERVER_CPUS, flags: 'default' });
    started.push({ served, models: { 'fastapi-default': 'echo' } });
  }
  if (wants('litellm')) {
    const models = { litellm: 'echo', 'litellm-mock': 'mock' };
    started.push({ served: await startLitellm({ upstream, cpus: SERVER_CPUS }), models });
  }
  const stopAll = async (): Promise<void> => {
    await Promise.all([upstream, ...started.map((one) => one.served)].map((served) => served.stop()));
  };
  return { started, stopAll };
}

/** Plinth's peak, by a warm-up of the same kind, sets the rate at which Plinth and the floor are compared. */
async function findHalfRate(started: readonly Started[], options: BenchmarkOptions): Promise<number> {
  let halfRate = 0;
  for (const { served, models } of started) {
    for (const [side, model] of Object.entries(models)) {
      const warmUp = await measureClosedLoop(served, model, Math.min(options.seconds, 4));
      if (side === 'plinth') halfRate = (warmUp['requestsPerSecond'] ?? 0) / 2;
    }
  }
  return halfRate;
}

function makeSides(started: readonly Started[], options: BenchmarkOptions, halfRate: number): Side[] {
  return started.flatMap(({ served, models }) =>
    Object.entries(models).map(([name, model]) => ({
      name,
      measure: async (round: number): Promise<Metrics> => {
        const closed = await measureClosedLoop(served, model, options.seconds);
        if (halfRate === 0 || (name !== 'plinth' && name !== 'direct')) return closed;
        const load = { ratePerSecond: halfRate, seconds: options.seconds, seed: round + 1 };
        return { ...closed, ...(await measureOpenLoop(served, load)) };
      },
    })),
  );
}

const options = readOptions({ rounds: 6, seconds: 8 });
const { started, stopAll } = await startSides(options);
try {
  const halfRate = await findHalfRate(started, options);
  const sides = makeSides(started, options, halfRate);
  const measurements = await measureRounds({ sides, rounds: options.rounds, onMeasured: printMeasurement });
  const compare = (peer: string, metric: string) =>
    compareSides(measurements, { ours: 'plinth', peer, metric, keepsNoisy: options.keepsNoisy });
  writeReport({
    name: options.before === '' ? 'b1-gateway-cost' : 'b1-gateway-cost-before',
    title: `B1 gateway cost: ${BODY_BYTES} B chat, echo engine, ${CONNECTIONS} connections`,
    measurements,
    comparisons: [
      compare('before', 'requestsPerCoreSecond'),
      compare('litellm', 'requestsPerCoreSecond'),
      compare('litellm-mock', 'requestsPerCoreSecond'),
      compare('fastapi', 'requestsPerCoreSecond'),
      compare('fastapi-default', 'requestsPerCoreSecond'),
      compare('direct', 'requestsPerCoreSecond'),
      compare('fastapi', 'requestsPerSecond'),
      compare('direct', 'halfLoadP50Ms'),
      compare('direct', 'halfLoadP99Ms'),
    ],
  });
} finally {
  await stopAll();
}
