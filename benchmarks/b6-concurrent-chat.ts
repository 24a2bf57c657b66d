import {
  compareSides,
  measureRounds,
  percentile,
  printMeasurement,
  readOptions,
  readTreeCpuSeconds,
  runClient,
  writeReport,
  type Metrics,
} from './harness/index.ts';
import {
  countIncomplete,
  outputTokensPerSecond,
  streamsReport,
  timePerOutputTokenMs,
  type StreamsSpecification,
} from './load/index.ts';
import { drawPrompt, findModelFile, formatCompletion } from './models/index.ts';
import { startLlamaServer, startPlinth, startSides, targetOf, type Served } from './peers/index.ts';

const USERS = 16;
const REQUESTS_PER_USER = 3;
const PROMPT_TOKENS = 200;
const ANSWER_TOKENS = 100;
const CONTEXT_TOKENS = USERS * 512;
const RAMP_MS = 1_000;
/** The service level of the goodput figure. */
const MAX_TTFT_MS = 5_000;
const MAX_TPOT_MS = 500;

async function measureUsers(served: Served, round: number): Promise<Metrics> {
  const makeBody = (user: number, index: number): string =>
    formatCompletion({
      model: served.model,
      prompt: drawPrompt(PROMPT_TOKENS, ((round + 1) * USERS + user) * REQUESTS_PER_USER + index + 1),
      maxTokens: ANSWER_TOKENS,
    });
  const specification: StreamsSpecification = {
    target: targetOf(served, '/v1/completions'),
    bodies: Array.from({ length: USERS }, (_, user) =>
      Array.from({ length: REQUESTS_PER_USER }, (_unused, index) => makeBody(user, index)),
    ),
    rampMs: RAMP_MS,
    keepsText: true,
  };
  const cpuBefore = readTreeCpuSeconds(served.process.pid);
  const report = await runClient({ client: 'stream-users.ts', specification, report: streamsReport });
  const cpuSeconds = readTreeCpuSeconds(served.process.pid) - cpuBefore;
  const { records } = report;
  const ttfts = records.map((record) => record.ttftMs);
  const tpots = records.map(timePerOutputTokenMs);
  const good = records.filter((record) => record.ttftMs <= MAX_TTFT_MS && timePerOutputTokenMs(record) <= MAX_TPOT_MS);
  return {
    outputTokensPerSecond: outputTokensPerSecond(records),
    outputTokensPerCoreSecond: (USERS * REQUESTS_PER_USER * ANSWER_TOKENS) / cpuSeconds,
    p50TtftMs: percentile(ttfts, 0.5),
    p90TtftMs: percentile(ttfts, 0.9),
    p50TpotMs: percentile(tpots, 0.5),
    p99GapMs: report.gaps.p99Ms,
    goodRequestsPerSecond: good.length / report.seconds,
    incomplete: countIncomplete(records, ANSWER_TOKENS),
    clientShare: report.clientShare,
  };
}

const options = readOptions({ rounds: 6, seconds: 1 });
const source = findModelFile('smollm2');
const llamaServer = (threads: number) => () =>
  startLlamaServer({
    name: `llama-server-t${threads}`,
    modelFile: source,
    slots: USERS,
    contextTokens: CONTEXT_TOKENS,
    threads,
    extraArguments: ['--cache-ram', '0'],
  });
await using started = await startSides(
  {
    plinth: () => startPlinth({ model: { name: 'smollm2', source, slots: USERS, contextTokens: CONTEXT_TOKENS } }),
    'llama-server-t1': llamaServer(1),
    'llama-server-t2': llamaServer(2),
  },
  options.only,
);
const sides = [...started.servers].map(([name, served]) => ({
  name,
  measure: (round: number) => measureUsers(served, round),
}));
const measurements = await measureRounds({ sides, rounds: options.rounds, onMeasured: printMeasurement });
const compare = (peer: string, metric: string) =>
  compareSides(measurements, { ours: 'plinth', peer, metric, keepsNoisy: options.keepsNoisy });
writeReport({
  name: 'b6-concurrent-chat',
  title: `B6 first look: ${USERS} users, closed loop, smollm2, ${PROMPT_TOKENS} tokens in, ${ANSWER_TOKENS} out`,
  measurements,
  comparisons: ['llama-server-t1', 'llama-server-t2'].flatMap((peer) => [
    compare(peer, 'outputTokensPerSecond'),
    compare(peer, 'p50TtftMs'),
    compare(peer, 'p50TpotMs'),
  ]),
});
