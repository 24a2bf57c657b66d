import type { ScalarKind } from './config-messages.ts';

const ranges: Readonly<Record<string, readonly [low: number, high: number]>> = {
  int32: [-(2 ** 31), 2 ** 31 - 1],
  uint32: [0, 2 ** 32 - 1],
  int64: [-Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER],
  uint64: [0, Number.MAX_SAFE_INTEGER],
};

/** What a value of the kind looks like, in words. */
export function describeScalar(kind: ScalarKind): string {
  const range = ranges[kind];
  if (range !== undefined) return `a whole number from ${range[0]} to ${range[1]}`;
  return kind === 'bool' ? 'true or false' : kind === 'string' ? 'text in quotes' : 'a number';
}

/** A number as the kind allows it; undefined when it does not. */
export function readNumber(kind: ScalarKind, value: number): number | undefined {
  const range = ranges[kind];
  if (range === undefined) return kind === 'float' || kind === 'double' ? value : undefined;
  // Adding 0 turns −0 into 0.
  return Number.isInteger(value) && value >= range[0] && value <= range[1] ? value + 0 : undefined;
}
