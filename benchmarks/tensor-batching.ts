import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { z } from 'zod';
import {
  compareSides,
  measureRounds,
  printMeasurement,
  readOptions,
  runClient,
  seededRandom,
  writeReport,
  type Metrics,
} from './harness/index.ts';
import { formatBinaryBody, loopReport } from './load/index.ts';
import { onnxModels, writeEntry } from './models/index.ts';
import { startPlinthRepository, targetOf, type Served } from './peers/index.ts';

const CALLERS = [1, 4, 16, 64];
const LARGEST_BATCH = 32;
const WARM_UP_SECONDS = 1;

/** A convolution net computes about as long for a row of a batch as for a row alone; a perceptron reads its weights once for all. */
const subjects = {
  cnn: { model: onnxModels.convolutions({ channels: 48, pixels: 32, blocks: 6 }), row: [3, 32, 32], outputs: 48 },
  mlp: { model: onnxModels.perceptron({ layers: 6, width: 1_024 }), row: [1_024], outputs: 1_024 },
};

const statistics = z.object({
  model_stats: z.tuple([z.object({ inference_count: z.number(), execution_count: z.number() })]),
});

async function readCounts(served: Served, model: string): Promise<{ inferences: number; executions: number }> {
  const url = `http://${served.host}:${served.port}/v2/models/${model}/stats`;
  const {
    model_stats: [counts],
  } = statistics.parse(await (await fetch(url, { headers: served.headers })).json());
  return { inferences: counts.inference_count, executions: counts.execution_count };
}

interface Plan {
  readonly served: Served;
  readonly model: string;
  readonly row: readonly number[];
  readonly seconds: number;
}

async function measureCallers({ served, model, row, seconds }: Plan, callers: number): Promise<Metrics> {
  const random = seededRandom(callers);
  const elements = row.reduce((product, size) => product * size, 1);
  const tensor = { shape: [1, ...row], values: Float32Array.from({ length: elements }, () => random()) };
  const { headers, ...body } = formatBinaryBody(tensor);
  const target = targetOf(served, `/v2/models/${model}/infer`);
  const specification = {
    target: { ...target, headers: { ...target.headers, ...headers } },
    ...body,
    connections: callers,
    seconds,
  };
  const before = await readCounts(served, model);
  const report = await runClient({ client: 'closed-loop.ts', specification, report: loopReport });
  const after = await readCounts(served, model);
  if (report.failures > 0) throw new Error(`${model}: ${report.failures} requests failed`);
  return {
    [`perSecondAt${callers}`]: report.requests / report.seconds,
    [`p50MsAt${callers}`]: report.p50Ms,
    [`p99MsAt${callers}`]: report.p99Ms,
    [`meanBatchAt${callers}`]: (after.inferences - before.inferences) / (after.executions - before.executions),
    [`clientShareAt${callers}`]: report.clientShare,
  };
}

async function measureCurve(plan: Plan): Promise<Metrics> {
  const curve: Metrics[] = [];
  for (const callers of CALLERS) curve.push(await measureCallers(plan, callers));
  return Object.assign({}, ...curve) as Metrics;
}

function configOf({ row, outputs }: (typeof subjects)['cnn'], batching: string): string {
  return `max_batch_size: ${LARGEST_BATCH}
input [ { name: "INPUT0" data_type: TYPE_FP32 dims: [ ${row.join(', ')} ] } ]
output [ { name: "OUTPUT0" data_type: TYPE_FP32 dims: [ ${outputs} ] } ]
${batching}
`;
}

const options = readOptions({ rounds: 4, seconds: 4 });
const subject = options.model === 'mlp' ? subjects.mlp : subjects.cnn;
const repository = mkdtempSync(path.join(tmpdir(), 'plinth-bench-models-'));
process.on('exit', () => rmSync(repository, { recursive: true, force: true }));
for (const [name, batching] of Object.entries({ off: '', on: 'dynamic_batching { }' })) {
  writeEntry(repository, { name, model: subject.model, config: configOf(subject, batching) });
}
const served = await startPlinthRepository({ source: repository, model: 'off' });
const planOf = (model: string, seconds: number): Plan => ({ served, model, row: subject.row, seconds });
const sides = ['off', 'on'].map((name) => ({ name, measure: () => measureCurve(planOf(name, options.seconds)) }));
try {
  for (const name of ['off', 'on']) await measureCurve(planOf(name, WARM_UP_SECONDS));
  const measurements = await measureRounds({ sides, rounds: options.rounds, onMeasured: printMeasurement });
  const compare = (metric: string) =>
    compareSides(measurements, { ours: 'on', peer: 'off', metric, keepsNoisy: options.keepsNoisy });
  writeReport({
    name: subject === subjects.mlp ? 'tensor-batching-mlp' : 'tensor-batching',
    title: `Dynamic batching on ("Plinth") beside off, ${CALLERS.join(', ')} callers in a closed loop on one replica of one thread`,
    measurements,
    comparisons: ['perSecondAt', 'p50MsAt', 'p99MsAt', 'meanBatchAt'].flatMap((metric) =>
      CALLERS.map((callers) => compare(`${metric}${callers}`)),
    ),
  });
} finally {
  await served.stop();
}
