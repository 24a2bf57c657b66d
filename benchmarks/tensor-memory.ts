import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  compareSides,
  listChildren,
  measureRounds,
  median,
  printMeasurement,
  readMemory,
  readOptions,
  runClient,
  writeReport,
  type Metrics,
} from './harness/index.ts';
import { formatBinaryBody, loopReport } from './load/index.ts';
import { onnxModels, writeEntry } from './models/index.ts';
import { startPlinthRepository, targetOf, type Served } from './peers/index.ts';

const WIDTH = 2_048;
const CYCLES = 24;
const ASK_SECONDS = 0.2;
/** Memory fluctuates with the garbage collector: growth is from the median of one half of the cycles to that of the other. */
const HALF = CYCLES / 2;

const repository = mkdtempSync(path.join(tmpdir(), 'plinth-bench-models-'));
process.on('exit', () => rmSync(repository, { recursive: true, force: true }));
// 6 × 2,048² weights in FP32: 96 MiB.
const model = onnxModels.perceptron({ layers: 6, width: WIDTH });
for (const count of [1, 2]) {
  const config = `instance_group [ { count: ${count} kind: KIND_CPU } ]`;
  writeEntry(repository, { name: `replicas${count}`, model, config });
}

async function ask(served: Served, seconds: number): Promise<void> {
  const { headers, ...body } = formatBinaryBody({ shape: [1, WIDTH], values: new Float32Array(WIDTH).fill(0.5) });
  const target = targetOf(served, `/v2/models/${served.model}/infer`);
  const specification = { target: { ...target, headers: { ...target.headers, ...headers } }, ...body, connections: 4, seconds };
  const report = await runClient({ client: 'closed-loop.ts', specification, report: loopReport });
  if (report.failures > 0) throw new Error(`${report.failures} requests failed`);
}

async function change(served: Served, what: 'load' | 'unload'): Promise<void> {
  const url = `http://${served.host}:${served.port}/v2/repository/models/${served.model}/${what}`;
  const answer = await fetch(url, { method: 'POST', headers: served.adminHeaders ?? {}, body: '{}' });
  if (answer.status !== 200) throw new Error(`${what}: ${answer.status} ${await answer.text()}`);
}

async function withServed<T>(name: string, use: (served: Served) => Promise<T>): Promise<T> {
  const config = { repository: { controlMode: 'explicit' } };
  const served = await startPlinthRepository({ source: repository, model: name, config });
  try {
    return await use(served);
  } finally {
    await served.stop();
  }
}

/** The replicas' memory after some seconds of requests. */
function measureReplicas(count: number, seconds: number): Promise<Metrics> {
  return withServed(`replicas${count}`, async (served) => {
    await change(served, 'load');
    await ask(served, seconds);
    const replicas = listChildren(served.process.pid).map(readMemory);
    if (replicas.length !== count) throw new Error(`${replicas.length} replicas run, expected ${count}`);
    const sum = (read: (one: (typeof replicas)[number]) => number): number =>
      replicas.reduce((total, one) => total + read(one), 0);
    const gateway = readMemory(served.process.pid);
    return {
      replicasRssMiB: sum(({ rssMiB }) => rssMiB),
      replicasPssMiB: sum(({ pssMiB }) => pssMiB),
      gatewayRssMiB: gateway.rssMiB,
    };
  });
}

/** The gateway's memory while a model is loaded, asked and unloaded over and over. */
function measureCycles(warmUpSeconds: number): Promise<Metrics> {
  return withServed('replicas1', async (served) => {
    const sizes: number[] = [];
    for (let cycle = 0; cycle <= CYCLES; cycle += 1) {
      await change(served, 'load');
      // The first requests bring code and heap that stay, whatever is loaded later.
      await ask(served, cycle === 0 ? warmUpSeconds : ASK_SECONDS);
      await change(served, 'unload');
      if (cycle > 0) sizes.push(readMemory(served.process.pid).rssMiB);
    }
    // An unloaded model's process ends a moment after the answer.
    await sleep(1_000);
    return {
      ...Object.fromEntries(sizes.map((size, cycle) => [`gatewayRssMiBAt${cycle + 1}`, size])),
      growthMiBPerCycle: (median(sizes.slice(HALF)) - median(sizes.slice(0, HALF))) / HALF,
      childrenLeft: listChildren(served.process.pid).length,
    };
  });
}

const options = readOptions({ rounds: 1, seconds: 3 });
const sides = [
  { name: 'one-replica', measure: () => measureReplicas(1, options.seconds) },
  { name: 'two-replicas', measure: () => measureReplicas(2, options.seconds) },
  { name: 'cycles', measure: () => measureCycles(2 * options.seconds) },
].filter(({ name }) => options.only.length === 0 || options.only.includes(name));
const measurements = await measureRounds({ sides, rounds: options.rounds, onMeasured: printMeasurement });
const compare = (metric: string) =>
  // Memory does not depend on who else uses the processors.
  compareSides(measurements, { ours: 'two-replicas', peer: 'one-replica', metric, keepsNoisy: true });
writeReport({
  name: 'tensor-memory',
  title: `Memory of two replicas ("Plinth") beside one of the same model of 96 MiB`,
  measurements,
  comparisons: [compare('replicasRssMiB'), compare('replicasPssMiB'), compare('gatewayRssMiB')],
});
