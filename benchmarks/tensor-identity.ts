import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import {
  compareSides,
  measureRounds,
  printMeasurement,
  readOptions,
  readTreeCpuSeconds,
  runClient,
  seededRandom,
  writeReport,
  type Metrics,
  type Side,
} from './harness/index.ts';
import {
  formatBinaryBody,
  formatJsonBody,
  formatRpcMessage,
  loopReport,
  type LoopReport,
  type RestBody,
  type RpcLoopSpecification,
} from './load/index.ts';
import { onnxModels, writeEntry } from './models/index.ts';
import {
  formatIdentityConfig,
  startDirectRpc,
  startMlserver,
  startPlinthRepository,
  startSides,
  startTriton,
  targetOf,
  type IdentityFlags,
  type Served,
} from './peers/index.ts';

const SERVER_CPUS = '0';
const CLIENT_CPUS = '1';
const CONNECTIONS = 16;
const TENSOR_BYTES = 4_096;
const WARM_UP_SECONDS = 2;
const RPC_PATH = '/inference.GRPCInferenceService/ModelInfer';

const random = seededRandom(7);
// Short decimals, so that a tensor in JSON is not longer than it has to be.
const values = Float32Array.from({ length: TENSOR_BYTES / 4 }, () => Math.round(random() * 1_000) / 8);
const tensor = { shape: [1, values.length], values };

async function measure(served: Served, ask: (served: Served) => Promise<LoopReport>): Promise<Metrics> {
  const cpuBefore = readTreeCpuSeconds(served.process.pid);
  const report = await ask(served);
  const cpuSeconds = readTreeCpuSeconds(served.process.pid) - cpuBefore;
  if (report.failures > 0) throw new Error(`${served.process.name}: ${report.failures} requests failed`);
  return {
    requestsPerCoreSecond: report.requests / cpuSeconds,
    requestsPerSecond: report.requests / report.seconds,
    serverShare: cpuSeconds / report.seconds,
    p50Ms: report.p50Ms,
    p99Ms: report.p99Ms,
    clientShare: report.clientShare,
  };
}

const askRpc =
  (seconds: number) =>
  (served: Served): Promise<LoopReport> => {
    const target = { ...targetOf(served, RPC_PATH), port: served.grpcPort ?? 0 };
    const message = formatRpcMessage(served.model, tensor);
    const specification: RpcLoopSpecification = { target, message, connections: CONNECTIONS, seconds };
    return runClient({ client: 'rpc-closed-loop.ts', specification, report: loopReport, cpus: CLIENT_CPUS });
  };

const askRest =
  ({ headers, ...body }: RestBody, seconds: number) =>
  (served: Served): Promise<LoopReport> => {
    const target = targetOf(served, `/v2/models/${served.model}/infer`);
    const specification = {
      target: { ...target, headers: { ...target.headers, ...headers } },
      ...body,
      connections: CONNECTIONS,
      seconds,
    };
    return runClient({ client: 'closed-loop.ts', specification, report: loopReport, cpus: CLIENT_CPUS });
  };

function sidesOf(servers: ReadonlyMap<string, Served>, seconds: number): Side[] {
  return [...servers].flatMap(([name, served]) => {
    // MLServer refuses binary tensors over REST.
    const body = name.startsWith('mlserver') ? formatJsonBody(tensor) : formatBinaryBody(tensor);
    const rest = name === 'direct' ? {} : { rest: askRest(body, seconds) };
    const asks = { grpc: askRpc(seconds), ...rest };
    return Object.entries(asks).map(([door, ask]) => ({ name: `${name}-${door}`, measure: () => measure(served, ask) }));
  });
}

const options = readOptions({ rounds: 3, seconds: 4 });
const repository = mkdtempSync(path.join(tmpdir(), 'plinth-bench-models-'));
process.on('exit', () => rmSync(repository, { recursive: true, force: true }));

function startOwn(flags: IdentityFlags): Promise<Served> {
  const source = path.join(repository, flags);
  writeEntry(source, { name: 'identity', model: onnxModels.identity, config: formatIdentityConfig(flags) });
  return startPlinthRepository({ name: `plinth-${flags}`, source, model: 'identity', cpus: SERVER_CPUS });
}

await using started = await startSides(
  {
    plinth: () => startOwn('batched'),
    'plinth-plain': () => startOwn('plain'),
    triton: () => startTriton({ cpus: SERVER_CPUS, flags: 'batched' }),
    'triton-plain': () => startTriton({ cpus: SERVER_CPUS, flags: 'plain' }),
    mlserver: () => startMlserver({ cpus: SERVER_CPUS, flags: 'best' }),
    'mlserver-default': () => startMlserver({ cpus: SERVER_CPUS, flags: 'default' }),
    direct: () => startDirectRpc({ cpus: SERVER_CPUS }),
  },
  options.only,
);
for (const side of sidesOf(started.servers, WARM_UP_SECONDS)) await side.measure(0);
const sides = sidesOf(started.servers, options.seconds);
const measurements = await measureRounds({ sides, rounds: options.rounds, onMeasured: printMeasurement });
const compare = ([ours, peer]: readonly [string, string], metric: string) =>
  compareSides(measurements, { ours, peer, metric, keepsNoisy: options.keepsNoisy });
const pairs = ['grpc', 'rest'].flatMap((door): (readonly [string, string])[] => [
  [`plinth-${door}`, `triton-${door}`],
  [`plinth-plain-${door}`, `triton-plain-${door}`],
  [`plinth-${door}`, `mlserver-${door}`],
  [`plinth-${door}`, `mlserver-default-${door}`],
  [`plinth-${door}`, `direct-${door}`],
]);
writeReport({
  name: 'tensor-identity',
  title: `Identity of ${TENSOR_BYTES} B in FP32, ${CONNECTIONS} connections in a closed loop`,
  measurements,
  comparisons: ['requestsPerCoreSecond', 'p99Ms'].flatMap((metric) => pairs.map((pair) => compare(pair, metric))),
});
