import type { TokenLogprobs } from '../../core/inference/index.ts';
import type { Engine, OutputIndex } from '../engines/index.ts';
import type { ScheduledRow } from '../scheduling/index.ts';
import type { StepMeter } from './step-meter.ts';
import type { Work, WorkSequence } from './work-sequence.ts';

interface StewardOptions<S> {
  readonly engine: Engine;
  readonly meter: StepMeter;
  readonly finish: (sequence: S) => void;
}

type Generation = Extract<Work, { type: 'generate' }>;
type Embedding = Extract<Work, { type: 'embed' }>;

/** Takes a step's results to the sequences they belong to and decides when a sequence is done. */
export class TokenSteward<S extends WorkSequence> {
  readonly #options: StewardOptions<S>;
  readonly #promptLogprobs = new WeakMap<S, TokenLogprobs[]>();

  constructor(options: StewardOptions<S>) {
    this.#options = options;
  }

  begin(sequence: S): void {
    const isFirst = !sequence.owner.hasStarted || sequence.firstReused === 0;
    sequence.owner.markStarted(performance.now());
    if (isFirst && sequence.newTokens === 0) sequence.firstReused = sequence.reused;
    this.#options.meter.countCached(sequence.reused);
  }

  /** `firstOutput` is the place of the row's first token among all tokens of the step. */
  absorb(row: ScheduledRow<S>, firstOutput: OutputIndex): void {
    const { sequence, count } = row;
    if (sequence.work.type === 'embed') return this.#absorbEmbedding(row, sequence.work, firstOutput);
    if (sequence.outputs === 'all') this.#scorePrompt(row, sequence.work, firstOutput);
    if (sequence.computed === sequence.tokens.length) this.#nextToken(sequence, sequence.work, firstOutput + count - 1);
  }

  #nextToken(sequence: S, work: Generation, output: OutputIndex): void {
    const { engine, meter, finish } = this.#options;
    if (!sequence.hasWrittenPrompt && work.echoesPrompt) this.#writePrompt(sequence, work);
    if (sequence.maxNewTokens <= 0) {
      work.writer.finish('length');
      return finish(sequence);
    }
    const token = work.sampler.sample(output);
    if (engine.isEnd(token) && !work.ignoresEnd) {
      work.writer.finish('stop');
      return finish(sequence);
    }
    const logprobs = work.topLogprobs === undefined ? undefined : engine.logprobs(output, { token, top: work.topLogprobs });
    sequence.tokens.push(token);
    sequence.owner.markToken(performance.now());
    meter.countGenerated();
    const isStopped = work.writer.push(engine.tokenBytes(token), logprobs);
    if (!isStopped && sequence.newTokens < sequence.maxNewTokens) return;
    work.writer.finish(isStopped ? 'stop' : 'length');
    finish(sequence);
  }

  #writePrompt(sequence: S, work: Generation): void {
    sequence.hasWrittenPrompt = true;
    const bytes = sequence.tokens
      .slice(sequence.echoesFrom, sequence.promptLength)
      .map((token) => this.#options.engine.tokenBytes(token));
    work.writer.writePrompt(Buffer.concat(bytes).toString('utf8'), this.#promptLogprobs.get(sequence));
    this.#promptLogprobs.delete(sequence);
  }

  /** The output at each prompt token predicts the one after it. */
  #scorePrompt(row: ScheduledRow<S>, work: Generation, firstOutput: OutputIndex): void {
    const { sequence, position, count } = row;
    const { engine } = this.#options;
    if (work.topLogprobs === undefined || sequence.hasWrittenPrompt) return;
    const { echoesFrom, tokens, promptLength } = sequence;
    const scores = this.#promptLogprobs.get(sequence) ?? (echoesFrom > 0 ? [] : [this.#unpredicted(tokens[0] ?? 0)]);
    for (let i = Math.max(0, echoesFrom - position - 1); i < count && position + i + 1 < promptLength; i++) {
      const token = tokens[position + i + 1] ?? 0;
      scores[position + i + 1 - echoesFrom] = engine.logprobs(firstOutput + i, { token, top: work.topLogprobs });
    }
    this.#promptLogprobs.set(sequence, scores);
  }

  #unpredicted(token: number): TokenLogprobs {
    const bytes = [...this.#options.engine.tokenBytes(token)];
    return { text: Buffer.from(bytes).toString('utf8'), bytes, logprob: null, top: [] };
  }

  #absorbEmbedding(row: ScheduledRow<S>, work: Embedding, firstOutput: OutputIndex): void {
    const { sequence, count } = row;
    const { engine, finish } = this.#options;
    const outputs = engine.embedding === 'whole' ? 1 : count;
    for (let i = 0; i < outputs; i++) addTo(work.sum, engine.hidden(firstOutput + i));
    if (sequence.computed < sequence.promptLength) return;
    const values = normalize(work.sum.subarray(0, work.dimensions ?? work.sum.length));
    sequence.owner.emit({ type: 'embedding', index: work.index, values: new Uint8Array(values.buffer) });
    finish(sequence);
  }
}

function addTo(sum: Float32Array, values: Float32Array): void {
  for (let i = 0; i < sum.length; i++) sum[i] = (sum[i] ?? 0) + (values[i] ?? 0);
}

/** Unit length, in a buffer of its own. The mean and the sum have the same direction. */
function normalize(values: Float32Array): Float32Array<ArrayBuffer> {
  const length = Math.hypot(...values);
  const unit = new Float32Array(values.length);
  for (let i = 0; i < unit.length; i++) unit[i] = (values[i] ?? 0) / (length || 1);
  return unit;
}
