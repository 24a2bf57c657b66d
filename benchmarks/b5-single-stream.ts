import {
  compareSides,
  measureRounds,
  median,
  printMeasurement,
  readOptions,
  runClient,
  writeReport,
  type BenchmarkOptions,
  type Metrics,
} from './harness/index.ts';
import { countIncomplete, decodeTokensPerSecond, streamsReport, type StreamsSpecification } from './load/index.ts';
import { drawPrompt, findModelFile, formatCompletion, type BenchmarkModel } from './models/index.ts';
import { startLlamaServer, startPlinth, startSides, targetOf, type Served, type Starters } from './peers/index.ts';

const PROMPT_TOKENS = 128;
const ANSWER_TOKENS = 128;
const CONTEXT_TOKENS = 1_024;
const REQUESTS = 4;

/** Texts by round: greedy answers to the same prompts, to be compared between the sides. */
type Texts = Map<number, string[]>;

async function measureStream(served: Served, round: number, texts: Texts): Promise<Metrics> {
  const bodies = Array.from({ length: REQUESTS }, (_, index) =>
    formatCompletion({
      model: served.model,
      prompt: drawPrompt(PROMPT_TOKENS, round * REQUESTS + index + 1),
      maxTokens: ANSWER_TOKENS,
    }),
  );
  const specification: StreamsSpecification = {
    target: targetOf(served, '/v1/completions'),
    bodies: [bodies],
    rampMs: 0,
    keepsText: true,
  };
  const { records } = await runClient({ client: 'stream-users.ts', specification, report: streamsReport });
  texts.set(
    round,
    records.map((record) => record.text),
  );
  return {
    decodeTokensPerSecond: median(records.map(decodeTokensPerSecond)),
    ttftMs: median(records.map((record) => record.ttftMs)),
    promptTokens: median(records.map((record) => record.promptTokens)),
    incomplete: countIncomplete(records, ANSWER_TOKENS),
  };
}

function describeStarters(model: BenchmarkModel): Starters {
  const source = findModelFile(model);
  const llamaServer = (threads: number) => () =>
    startLlamaServer({
      name: `llama-server-t${threads}`,
      modelFile: source,
      slots: 1,
      contextTokens: CONTEXT_TOKENS,
      threads,
      extraArguments: ['--cache-ram', '0'],
    });
  return {
    plinth: () => startPlinth({ model: { name: model, source, slots: 1, contextTokens: CONTEXT_TOKENS } }),
    'llama-server-t1': llamaServer(1),
    'llama-server-t2': llamaServer(2),
  };
}

function countCommonCharacters(ours: string, theirs: string): number {
  let length = 0;
  while (length < ours.length && ours[length] === theirs[length]) length += 1;
  return length;
}

/** Two builds of the same kernels round differently, so that greedy answers part where two tokens are nearly as likely. */
function printEqualTexts(texts: ReadonlyMap<string, Texts>): void {
  const ours = texts.get('plinth') ?? new Map<number, string[]>();
  for (const [side, theirs] of texts) {
    if (side === 'plinth') continue;
    const pairs = [...ours].flatMap(([round, answers]) =>
      answers.map((answer, index) => ({ answer, other: theirs.get(round)?.[index] ?? '' })),
    );
    const equal = pairs.filter(({ answer, other }) => answer === other).length;
    const shares = pairs.map(({ answer, other }) => countCommonCharacters(answer, other) / Math.max(1, answer.length));
    const common = (median(shares) * 100).toFixed(0);
    console.log(
      `greedy answers equal to ${side}'s: ${equal} of ${pairs.length}; the same for ${common} % of their length (median)`,
    );
  }
}

async function runModel(model: BenchmarkModel, options: BenchmarkOptions): Promise<void> {
  await using started = await startSides(describeStarters(model), options.only);
  const texts = new Map<string, Texts>();
  const sides = [...started.servers].map(([name, served]) => {
    const own: Texts = new Map();
    texts.set(name, own);
    return { name, measure: (round: number) => measureStream(served, round, own) };
  });
  for (const side of sides) await side.measure(-1);
  texts.forEach((own) => own.clear());
  const measurements = await measureRounds({ sides, rounds: options.rounds, onMeasured: printMeasurement });
  printEqualTexts(texts);
  const compare = (peer: string, metric: string) =>
    compareSides(measurements, { ours: 'plinth', peer, metric, keepsNoisy: options.keepsNoisy });
  writeReport({
    name: `b5-single-stream-${model}`,
    title: `B5 single stream, ${model}: ${PROMPT_TOKENS} tokens in, ${ANSWER_TOKENS} out, greedy`,
    measurements,
    comparisons: ['llama-server-t1', 'llama-server-t2'].flatMap((peer) => [
      compare(peer, 'decodeTokensPerSecond'),
      compare(peer, 'ttftMs'),
    ]),
  });
}

const options = readOptions({ rounds: 6, seconds: 1 });
const models: readonly BenchmarkModel[] = ['smollm2', 'random-1b'];
for (const model of models.filter((name) => options.model === '' || name === options.model)) await runModel(model, options);
