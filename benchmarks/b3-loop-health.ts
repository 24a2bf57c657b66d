import {
  compareSides,
  measureRounds,
  printMeasurement,
  readOptions,
  runClient,
  writeReport,
  type Metrics,
} from './harness/index.ts';
import { probeReport, type ProbeSpecification } from './load/index.ts';
import { drawPrompt, findModelFile, formatCompletion } from './models/index.ts';
import { startLlamaServer, startPlinth, startSides, targetOf, type Served } from './peers/index.ts';

const PROBES_PER_SECOND = 20;
const PROMPT_TOKENS = 7_000;
const CONTEXT_TOKENS = 8_192;

interface ProbeOptions {
  readonly path: string;
  readonly round: number;
  readonly seconds: number;
}

async function measureProbes(served: Served, options: ProbeOptions): Promise<Metrics> {
  // One prompt takes seconds; as many as there are seconds is more than enough.
  const bodies = Array.from({ length: Math.ceil(options.seconds) }, (_, index) =>
    formatCompletion({ model: served.model, prompt: drawPrompt(PROMPT_TOKENS, options.round * 1_000 + index + 1), maxTokens: 1 }),
  );
  const specification: ProbeSpecification = {
    target: targetOf(served, options.path),
    ratePerSecond: PROBES_PER_SECOND,
    seconds: options.seconds,
    load: { target: targetOf(served, '/v1/completions'), bodies },
  };
  return runClient({ client: 'probe.ts', specification, report: probeReport });
}

const options = readOptions({ rounds: 5, seconds: 20 });
const source = findModelFile('smollm2');
await using started = await startSides(
  {
    plinth: () => startPlinth({ model: { name: 'smollm2', source, slots: 2, contextTokens: CONTEXT_TOKENS } }),
    'llama-server': () =>
      startLlamaServer({
        name: 'llama-server',
        modelFile: source,
        slots: 1,
        contextTokens: CONTEXT_TOKENS,
        extraArguments: ['--cache-ram', '0'],
      }),
  },
  options.only,
);
const sides = [...started.servers].map(([name, served]) => ({
  name,
  measure: (round: number) =>
    measureProbes(served, { path: name === 'plinth' ? '/livez' : '/health', round, seconds: options.seconds }),
}));
const measurements = await measureRounds({ sides, rounds: options.rounds, onMeasured: printMeasurement });
const compare = (metric: string) =>
  compareSides(measurements, { ours: 'plinth', peer: 'llama-server', metric, keepsNoisy: options.keepsNoisy });
writeReport({
  name: 'b3-loop-health',
  title: `B3 liveness at ${PROBES_PER_SECOND} Hz while prompts of ${PROMPT_TOKENS} tokens are read`,
  measurements,
  comparisons: [compare('p50Ms'), compare('p99Ms'), compare('maxMs')],
});
