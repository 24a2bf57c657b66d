import { deflateSync } from 'node:zlib';
import type { Tensor } from '../../../core/inference/index.ts';
import { chooseToken, probabilityOf, restrictLogits, type TokenRules } from './choose-token.ts';
import type { DecoderPass, WhisperGraphs } from './whisper-graphs.ts';
import type { WhisperVocabulary } from './whisper-vocabulary.ts';

/** One window of sound to be put into words. */
export interface WindowPlan {
  readonly heard: Tensor;
  /** Previous text, start of transcript, language, task. */
  readonly prompt: readonly number[];
  readonly rules: TokenRules;
  /** Tried in order until an answer is good enough. */
  readonly temperatures: readonly number[];
  readonly mostTokens: number;
  /** Even in 0…1, the same for the same request. */
  readonly draw: () => number;
}

/** What was heard in a window. */
export interface WindowResult {
  /** Text and timestamps, without the end. */
  readonly tokens: readonly number[];
  readonly temperature: number;
  readonly averageLogprob: number;
  readonly compressionRatio: number;
  readonly noSpeechProbability: number;
}

const MOST_COMPRESSION_RATIO = 2.4;
const LEAST_AVERAGE_LOGPROB = -1;
const MOST_NO_SPEECH_PROBABILITY = 0.6;

interface Attempt {
  readonly temperature: number;
  readonly noSpeechProbability: number;
  readonly tokens: number[];
  pass: DecoderPass;
  sumLogprob: number;
}

/** Decodes one window, a few tokens at a time, anew with a higher temperature when the answer repeats itself or is unlikely. */
export class WindowDecoder {
  readonly #graphs: WhisperGraphs;
  readonly #vocabulary: WhisperVocabulary;
  readonly #plan: WindowPlan;
  readonly #poor: WindowResult[] = [];
  #first: DecoderPass | undefined;
  #attempts = 0;
  #attempt: Attempt | undefined;

  constructor(graphs: WhisperGraphs, vocabulary: WhisperVocabulary, plan: WindowPlan) {
    this.#graphs = graphs;
    this.#vocabulary = vocabulary;
    this.#plan = plan;
  }

  /** Makes `most` tokens at most. The result once there is one. */
  advance(most: number): WindowResult | undefined {
    for (let made = 0; made < most; made++) {
      this.#attempt ??= this.#begin();
      const isOver = this.#extend(this.#attempt);
      if (!isOver) continue;
      const result = this.#judge(this.#attempt);
      if (result !== undefined) return result;
      this.#attempt = undefined;
    }
    return undefined;
  }

  #begin(): Attempt {
    const { prompt, heard, temperatures } = this.#plan;
    const pass = (this.#first ??= this.#graphs.begin(prompt, heard));
    const { startOfTranscript, noSpeech } = this.#vocabulary;
    const row = prompt.lastIndexOf(startOfTranscript);
    const noSpeechProbability = noSpeech === undefined ? 0 : probabilityOf(rowOf(pass, row), noSpeech);
    const temperature = temperatures[this.#attempts] ?? 0;
    this.#attempts += 1;
    return { temperature, noSpeechProbability, tokens: [], pass, sumLogprob: 0 };
  }

  /** One token more. True when it was the last. */
  #extend(attempt: Attempt): boolean {
    const { rules, mostTokens, draw } = this.#plan;
    const rows = attempt.pass.logits.length / attempt.pass.vocabularySize;
    const logits = rowOf(attempt.pass, rows - 1).slice();
    restrictLogits(logits, attempt.tokens, rules);
    const { token, logprob } = chooseToken(logits, attempt.temperature, attempt.temperature === 0 ? 0 : draw());
    attempt.sumLogprob += logprob;
    if (token === rules.endOfText) return true;
    attempt.tokens.push(token);
    if (attempt.tokens.length >= mostTokens) return true;
    attempt.pass = this.#graphs.step(token, attempt.pass.memory);
    return false;
  }

  /** The result, or nothing when another temperature is to be tried. When none is good enough, the best of them is taken. */
  #judge({ temperature, noSpeechProbability, tokens, sumLogprob }: Attempt): WindowResult | undefined {
    const averageLogprob = sumLogprob / (tokens.length + 1);
    const compressionRatio = compressionOf(this.#vocabulary.decode(tokens));
    const result = { tokens, temperature, averageLogprob, compressionRatio, noSpeechProbability };
    const isGood = !isRepetitive(result) && averageLogprob >= LEAST_AVERAGE_LOGPROB;
    if (isGood || isSilent(result)) return result;
    this.#poor.push(result);
    return this.#attempts < this.#plan.temperatures.length ? undefined : bestOf(this.#poor);
  }
}

function isRepetitive({ compressionRatio }: WindowResult): boolean {
  return compressionRatio > MOST_COMPRESSION_RATIO;
}

/** The likeliest text that does not repeat itself. */
function bestOf(results: readonly WindowResult[]): WindowResult | undefined {
  const [best] = results.toSorted(
    (a, b) => Number(isRepetitive(a)) - Number(isRepetitive(b)) || b.averageLogprob - a.averageLogprob,
  );
  return best;
}

function rowOf({ logits, vocabularySize }: DecoderPass, row: number): Float32Array {
  return logits.subarray(row * vocabularySize, (row + 1) * vocabularySize);
}

/** Nothing was said: the model thinks so, and is not sure of any words. */
export function isSilent({ noSpeechProbability, averageLogprob }: WindowResult): boolean {
  return noSpeechProbability > MOST_NO_SPEECH_PROBABILITY && averageLogprob < LEAST_AVERAGE_LOGPROB;
}

/** UTF-8 bytes over deflated bytes. */
export function compressionOf(text: string): number {
  const bytes = Buffer.from(text, 'utf8');
  return bytes.byteLength === 0 ? 0 : bytes.byteLength / deflateSync(bytes).byteLength;
}
