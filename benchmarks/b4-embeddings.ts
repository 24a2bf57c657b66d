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
import { loopReport, type LoopReport, type OpenLoopSpecification } from './load/index.ts';
import { startInfinity, startPlinth, startSentenceTransformers, startSides, targetOf, type Served } from './peers/index.ts';

const LIMIT_MS = 100;
const CONNECTIONS = 256;
const TEXTS = 512;
const SHORTEST = 8;
const LONGEST = 256;
/** Of the lengths' logarithm: half of the texts have at most 40 tokens, one in twenty more than 170. */
const MEAN_LOG = Math.log(40);
const DEVIATION_LOG = 0.9;
const FIRST_RATE = 4;
const LADDER = 1.4;
const REFINEMENTS = 3;

/** Common words that are one token each. */
const WORDS =
  'the of and to in is was for on that with as by at from it his an be this are or had not but have were they which'.split(' ');

function drawBodies(seed: number): string[] {
  const random = seededRandom(seed);
  return Array.from({ length: TEXTS }, () => {
    const normal = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
    const tokens = Math.min(LONGEST, Math.max(SHORTEST, Math.round(Math.exp(MEAN_LOG + DEVIATION_LOG * normal))));
    const text = Array.from({ length: tokens - 2 }, () => WORDS[Math.floor(random() * WORDS.length)]).join(' ');
    return JSON.stringify({ model: 'minilm', input: text });
  });
}

interface Offer {
  readonly served: Served;
  readonly bodies: readonly string[];
  readonly seconds: number;
  readonly seed: number;
}

function offer({ served, bodies, seconds, seed }: Offer, ratePerSecond: number): Promise<LoopReport> {
  const target = targetOf(served, '/v1/embeddings');
  const specification: OpenLoopSpecification = {
    target,
    bodies: [...bodies],
    connections: CONNECTIONS,
    ratePerSecond,
    seconds,
    seed,
  };
  return runClient({ client: 'open-loop.ts', specification, report: loopReport });
}

/** The highest rate of Poisson arrivals at which 99 of 100 answers come within the limit, by a ladder and then by halving. */
async function measureGoodput(plan: Offer): Promise<Metrics> {
  const holds = async (rate: number): Promise<LoopReport | undefined> => {
    const report = await offer(plan, rate);
    return report.failures === 0 && report.p99Ms <= LIMIT_MS ? report : undefined;
  };
  let best = 0;
  let atBest: LoopReport | undefined;
  let rate = FIRST_RATE;
  for (let report = await holds(rate); report !== undefined; report = await holds(rate)) {
    [best, atBest, rate] = [rate, report, rate * LADDER];
  }
  for (let [low, high, step] = [best, rate, 0]; step < REFINEMENTS && best > 0; step++) {
    const middle = (low + high) / 2;
    const report = await holds(middle);
    if (report === undefined) high = middle;
    else [best, atBest, low] = [middle, report, middle];
  }
  return { goodputPerSecond: best, p50Ms: atBest?.p50Ms ?? 0, p99Ms: atBest?.p99Ms ?? 0 };
}

const options = readOptions({ rounds: 3, seconds: 6 });
await using started = await startSides(
  {
    plinth: () => startPlinth({ model: { name: 'minilm', replicas: 2 } }),
    'sentence-transformers': startSentenceTransformers,
    infinity: startInfinity,
  },
  options.only,
);
const sides = [...started.servers].map(([name, served]) => ({
  name,
  measure: (round: number) =>
    measureGoodput({ served, bodies: drawBodies(round + 1), seconds: options.seconds, seed: round + 1 }),
}));
for (const [, served] of started.servers) await offer({ served, bodies: drawBodies(99), seconds: 3, seed: 99 }, FIRST_RATE);
const measurements = await measureRounds({ sides, rounds: options.rounds, onMeasured: printMeasurement });
const compare = (peer: string) =>
  compareSides(measurements, { ours: 'plinth', peer, metric: 'goodputPerSecond', keepsNoisy: options.keepsNoisy });
writeReport({
  name: 'b4-embeddings',
  title: `B4 embeddings of single texts, ${SHORTEST} to ${LONGEST} tokens, Poisson arrivals, p99 within ${LIMIT_MS} ms`,
  measurements,
  comparisons: [compare('sentence-transformers'), compare('infinity')],
});
