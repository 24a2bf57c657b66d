import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import {
  compareSides,
  measureRounds,
  printMeasurement,
  readOptions,
  runClient,
  writeReport,
  type Metrics,
} from './harness/index.ts';
import { formatBinaryBody, probeReport, type ProbeSpecification } from './load/index.ts';
import { onnxModels, writeEntry } from './models/index.ts';
import { startNaiveOnnx, startPlinthRepository, startSides, targetOf, type Served } from './peers/index.ts';

const PROBES_PER_SECOND = 20;
const WIDTH = 2_048;
/** Rows of a batch, so that one takes about 166 ms of a core. */
const ROWS = 160;
/** No batch takes less, so that there is always one more to send. */
const SHORTEST_BATCH_SECONDS = 0.02;

const CONFIG = `max_batch_size: 0
input [ { name: "INPUT0" data_type: TYPE_FP32 dims: [ -1, ${WIDTH} ] } ]
output [ { name: "OUTPUT0" data_type: TYPE_FP32 dims: [ -1, ${WIDTH} ] } ]
`;

const tensor = { shape: [ROWS, WIDTH], values: new Float32Array(ROWS * WIDTH).fill(0.5) };

/** Plinth is sent an infer request with binary tensors, the naive server the bare bytes of the same tensor. */
function batchOf(served: Served, side: string) {
  if (side === 'naive') {
    const body = Buffer.from(tensor.values.buffer).toString('base64');
    return { target: targetOf(served, '/infer'), bodies: [body], encoding: 'base64' as const };
  }
  const { body, headers } = formatBinaryBody(tensor);
  const target = targetOf(served, `/v2/models/${served.model}/infer`);
  return { target: { ...target, headers: { ...target.headers, ...headers } }, bodies: [body], encoding: 'base64' as const };
}

async function measureProbes(served: Served, side: string, seconds: number): Promise<Metrics> {
  const specification: ProbeSpecification = {
    target: targetOf(served, '/livez'),
    ratePerSecond: PROBES_PER_SECOND,
    seconds,
    load: { ...batchOf(served, side), repeats: Math.ceil(seconds / SHORTEST_BATCH_SECONDS) },
  };
  const report = await runClient({ client: 'probe.ts', specification, report: probeReport });
  const { prompts: batches, promptMs: batchMs, promptFailures: batchFailures, ...probes } = report;
  if (batchFailures > 1 || batches === 0)
    throw new Error(`${side}: ${batchFailures} of ${batches + batchFailures} batches failed`);
  return { ...probes, batches, batchMs };
}

const options = readOptions({ rounds: 6, seconds: 15 });
const repository = mkdtempSync(path.join(tmpdir(), 'plinth-bench-models-'));
process.on('exit', () => rmSync(repository, { recursive: true, force: true }));
const model = onnxModels.perceptron({ layers: 6, width: WIDTH });
const file = writeEntry(repository, { name: 'heavy', model, config: CONFIG });
await using started = await startSides(
  {
    plinth: () => startPlinthRepository({ source: repository, model: 'heavy' }),
    naive: () => startNaiveOnnx({ file, width: WIDTH }),
  },
  options.only,
);
const sides = [...started.servers].map(([name, served]) => ({
  name,
  measure: () => measureProbes(served, name, options.seconds),
}));
const measurements = await measureRounds({ sides, rounds: options.rounds, onMeasured: printMeasurement });
const compare = (metric: string) =>
  compareSides(measurements, { ours: 'plinth', peer: 'naive', metric, keepsNoisy: options.keepsNoisy });
writeReport({
  name: 'b3-onnx-loop-health',
  title: `B3 liveness at ${PROBES_PER_SECOND} Hz while ONNX batches of about 166 ms run`,
  measurements,
  comparisons: [compare('p50Ms'), compare('p99Ms'), compare('maxMs'), compare('batchMs')],
});
