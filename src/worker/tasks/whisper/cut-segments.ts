import type { WindowResult } from './window-decoder.ts';

/** A stretch of a window. Times in 20 ms from the window's start. */
export interface TokenSegment {
  readonly start: number;
  readonly end: number;
  readonly tokens: readonly number[];
}

/** The segments of a window and where, in units of 20 ms from the window's start, the next window begins. */
export interface CutWindow {
  readonly segments: readonly TokenSegment[];
  readonly next: number;
}

/**
 * Cuts a window's tokens at pairs of timestamps, as OpenAI's reference does. `length` is the window's own, in 20 ms. What comes after the last pair is
 * left to the next window, unless the window ends with a single timestamp: then nothing was said after it.
 */
export function cutSegments(tokens: WindowResult['tokens'], timestampBegin: number, length: number): CutWindow {
  const isTimestamp = (index: number): boolean => (tokens[index] ?? 0) >= timestampBegin;
  const timeAt = (index: number): number => (tokens[index] ?? timestampBegin) - timestampBegin;
  const cuts = tokens.flatMap((_, index) => (index > 0 && isTimestamp(index) && isTimestamp(index - 1) ? [index] : []));
  const endsSingle = tokens.length >= 2 && isTimestamp(tokens.length - 1) && !isTimestamp(tokens.length - 2);
  if (cuts.length === 0) {
    const last = tokens.findLast((_, index) => isTimestamp(index));
    const end = last === undefined || last === timestampBegin ? length : last - timestampBegin;
    return { segments: tokens.length === 0 ? [] : [{ start: 0, end: Math.min(end, length), tokens }], next: length };
  }
  if (endsSingle) cuts.push(tokens.length);
  let from = 0;
  const segments = cuts.map((cut) => {
    const segment = { start: timeAt(from), end: timeAt(cut - 1), tokens: tokens.slice(from, cut) };
    from = cut;
    return segment;
  });
  const next = endsSingle ? length : Math.min(length, timeAt(from - 1));
  return { segments, next: next > 0 ? next : length };
}
