import type { Tensor } from '../../../core/inference/index.ts';
import type { TokenWord } from './split-words.ts';
import { warpPath } from './warp-path.ts';
import type { CrossAttention, WhisperGraphs } from '../whisper/index.ts';

/** A word and when it was said, in seconds from the start of its window. */
export interface TimedWord extends TokenWord {
  readonly start: number;
  readonly end: number;
}

export interface AlignmentPlan {
  readonly heard: Tensor;
  /** What the transcript begins with, without timestamps. */
  readonly start: readonly number[];
  readonly noTimestamps: number;
  readonly endOfText: number;
  readonly words: readonly TokenWord[];
  /** Length of the window's sound in positions of the encoder. */
  readonly positions: number;
  readonly heads: ReadonlyArray<readonly [layer: number, head: number]>;
}

const SECONDS_PER_POSITION = 0.02;
const MEDIAN_WIDTH = 7;

/**
 * When each word was said: the heads that follow the sound are read while the decoder goes over the finished text again, and the cheapest monotone path
 * through their attention gives each token its place.
 */
export function alignWords(graphs: WhisperGraphs, plan: AlignmentPlan): readonly TimedWord[] {
  const { start, noTimestamps, endOfText, words, heads } = plan;
  const text = words.flatMap(({ tokens }) => tokens);
  if (text.length === 0) return [];
  const positions = Math.max(1, plan.positions);
  const layers = [...new Set(heads.map(([layer]) => layer))];
  const attentions = graphs.attend([...start, noTimestamps, ...text, endOfText], plan.heard, layers);
  const cost = new Float64Array((text.length + 1) * positions);
  for (const [layer, head] of heads) {
    const attention = attentions[layers.indexOf(layer)];
    if (attention === undefined || head >= attention.heads) continue;
    subtract(cost, smooth(normalise(cutHead(attention, head, positions)), positions), start.length * positions);
  }
  const begins = warpPath(cost, text.length + 1, positions);
  let token = 0;
  const timed = words.map((word) => {
    const first = begins[token] ?? 0;
    token += word.tokens.length;
    const end = begins[token] ?? positions;
    return { ...word, start: first * SECONDS_PER_POSITION, end: end * SECONDS_PER_POSITION };
  });
  return shorten(timed);
}

/** Words by their share of the characters, for models whose export keeps the attention to itself. */
export function spreadWords(words: readonly TokenWord[], start: number, end: number): readonly TimedWord[] {
  const total = Math.max(
    1,
    words.reduce((sum, { word }) => sum + word.length, 0),
  );
  let at = start;
  return words.map((word) => {
    const from = at;
    at += ((end - start) * word.word.length) / total;
    return { ...word, start: from, end: at };
  });
}

interface Grid {
  readonly rows: number;
  readonly values: Float64Array;
}

/** One head's rows over the window's own sound, each summing up to 1. */
function cutHead({ tokens, positions: all, weights }: CrossAttention, head: number, positions: number): Grid {
  const values = new Float64Array(tokens * positions);
  for (let row = 0; row < tokens; row++) {
    const from = (head * tokens + row) * all;
    let sum = 0;
    for (let index = 0; index < positions; index++) sum += weights[from + index] ?? 0;
    for (let index = 0; index < positions; index++)
      values[row * positions + index] = sum > 0 ? (weights[from + index] ?? 0) / sum : 1 / positions;
  }
  return { rows: tokens, values };
}

/** Every position to mean 0 and deviation 1 over the tokens. */
function normalise({ rows, values }: Grid): Grid {
  const positions = values.length / rows;
  for (let index = 0; index < positions; index++) {
    let [sum, squares] = [0, 0];
    for (let at = index; at < values.length; at += positions) sum += values[at] ?? 0;
    const mean = sum / rows;
    for (let at = index; at < values.length; at += positions) squares += ((values[at] ?? 0) - mean) ** 2;
    const deviation = Math.sqrt(squares / rows) || 1;
    for (let at = index; at < values.length; at += positions) values[at] = ((values[at] ?? 0) - mean) / deviation;
  }
  return { rows, values };
}

/** Median over neighbouring positions; mirrored at both ends. */
function smooth({ rows, values }: Grid, positions: number): Grid {
  const reach = (MEDIAN_WIDTH - 1) / 2;
  if (positions <= reach) return { rows, values };
  const smoothed = new Float64Array(values.length);
  const around = new Float64Array(MEDIAN_WIDTH);
  for (let row = 0; row < rows; row++) {
    for (let index = 0; index < positions; index++) {
      for (let step = -reach; step <= reach; step++) {
        const place = positions - 1 - Math.abs(positions - 1 - Math.abs(index + step));
        around[step + reach] = values[row * positions + place] ?? 0;
      }
      smoothed[row * positions + index] = around.toSorted()[reach] ?? 0;
    }
  }
  return { rows, values: smoothed };
}

/** The rows from `offset` on. What is attended to much costs little. */
function subtract(cost: Float64Array, { values }: Grid, offset: number): void {
  for (let index = 0; index < cost.length; index++) cost[index] = (cost[index] ?? 0) - (values[offset + index] ?? 0);
}

const LONGEST_MEDIAN_SECONDS = 0.7;
const SENTENCE_END = /^[.。!！?？]+$/;

/** A pause at the end of a sentence is not a part of the words around it. */
function shorten(words: readonly TimedWord[]): readonly TimedWord[] {
  const durations = words.map(({ start, end }) => end - start).filter((duration) => duration > 0);
  const median = durations.toSorted((a, b) => a - b)[Math.floor(durations.length / 2)] ?? 0;
  const longest = 2 * Math.min(LONGEST_MEDIAN_SECONDS, median);
  return words.map((word, index) => {
    if (word.end - word.start <= longest) return word;
    if (SENTENCE_END.test(word.word.at(-1) ?? '')) return { ...word, end: word.start + longest };
    const previous = words[index - 1];
    const opensSentence = previous === undefined || SENTENCE_END.test(previous.word.at(-1) ?? '');
    return opensSentence ? { ...word, start: word.end - longest } : word;
  });
}
