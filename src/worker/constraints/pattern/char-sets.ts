import type { CharRange } from '../grammar/index.ts';

const highest = 0x10ffff;

export const digitSet: readonly CharRange[] = [[0x30, 0x39]];
export const wordSet: readonly CharRange[] = [
  [0x30, 0x39],
  [0x41, 0x5a],
  [0x5f, 0x5f],
  [0x61, 0x7a],
];
/** ECMAScript's WhiteSpace and LineTerminator. */
export const spaceSet: readonly CharRange[] = [
  [0x09, 0x0d],
  [0x20, 0x20],
  [0xa0, 0xa0],
  [0x1680, 0x1680],
  [0x2000, 0x200a],
  [0x2028, 0x2029],
  [0x202f, 0x202f],
  [0x205f, 0x205f],
  [0x3000, 0x3000],
  [0xfeff, 0xfeff],
];
const lineEnds: readonly CharRange[] = [
  [0x0a, 0x0a],
  [0x0d, 0x0d],
  [0x2028, 0x2029],
];

export function single(code: number): CharRange {
  return [code, code];
}

/** Sorted, without overlaps. */
export function mergeRanges(ranges: readonly CharRange[]): CharRange[] {
  const merged: CharRange[] = [];
  for (const [low, high] of ranges.toSorted((a, b) => a[0] - b[0])) {
    const last = merged.at(-1);
    if (last !== undefined && low <= last[1] + 1) merged[merged.length - 1] = [last[0], Math.max(last[1], high)];
    else merged.push([low, high]);
  }
  return merged;
}

export function complement(ranges: readonly CharRange[]): CharRange[] {
  const gaps: CharRange[] = [];
  let from = 0;
  for (const [low, high] of mergeRanges(ranges)) {
    if (low > from) gaps.push([from, low - 1]);
    from = high + 1;
  }
  return from <= highest ? [...gaps, [from, highest]] : gaps;
}

export function intersect(left: readonly CharRange[], right: readonly CharRange[]): CharRange[] {
  return mergeRanges(
    left
      .flatMap(([low, high]) => right.map(([from, to]): CharRange => [Math.max(low, from), Math.min(high, to)]))
      .filter(([low, high]) => low <= high),
  );
}

/** What `.` matches. */
export const dotSet = complement(lineEnds);
