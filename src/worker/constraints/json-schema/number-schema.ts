import { anyInteger, anyNumber, decimalsBetween, never, type Bound, type Expression } from '../grammar/index.ts';
import type { SchemaScope } from './flat-schema.ts';

const mostScale = 6;

/** Integers, or numbers of any kind, between the bounds of all parts. */
export function numberExpression(scope: SchemaScope, type: 'integer' | 'number'): Expression {
  const lower = tightest(scope, { inclusive: 'minimum', exclusive: 'exclusiveMinimum', sign: -1 });
  const upper = tightest(scope, { inclusive: 'maximum', exclusive: 'exclusiveMaximum', sign: 1 });
  if (lower === undefined && upper === undefined)
    return type === 'integer' ? anyInteger(scope.grammar) : anyNumber(scope.grammar);
  if (lower !== undefined && upper !== undefined && lower.value > upper.value) return never;
  const scale = type === 'integer' ? 0 : Math.max(scaleOf(scope, lower), scaleOf(scope, upper));
  return decimalsBetween(scope.grammar, {
    type,
    scale,
    ...(lower === undefined ? {} : { lower: scaled(lower, scale, Math.ceil) }),
    ...(upper === undefined ? {} : { upper: scaled(upper, scale, Math.floor) }),
  });
}

interface Limit {
  readonly value: number;
  readonly isExclusive: boolean;
  readonly path: string;
}

function tightest(scope: SchemaScope, by: { inclusive: string; exclusive: string; sign: 1 | -1 }): Limit | undefined {
  const limits = scope.parts.flatMap((part) =>
    [by.inclusive, by.exclusive].flatMap((keyword): Limit[] => {
      const value = part.schema[keyword];
      const path = `${part.node.path}.${keyword}`;
      if (value === undefined) return [];
      if (typeof value !== 'number') throw scope.document.refusal(path, 'must be a number');
      return [{ value, isExclusive: keyword === by.exclusive, path }];
    }),
  );
  return limits.toSorted((a, b) => by.sign * (a.value - b.value) || Number(b.isExclusive) - Number(a.isExclusive))[0];
}

/** Decimals of the bound as it is written. */
function scaleOf(scope: SchemaScope, limit: Limit | undefined): number {
  if (limit === undefined) return 0;
  const written = String(limit.value);
  const scale = written.includes('e')
    ? Number.isInteger(limit.value)
      ? 0
      : mostScale + 1
    : (written.split('.')[1] ?? '').length;
  if (scale > mostScale) throw scope.document.refusal(limit.path, `is supported with at most ${mostScale} decimals`);
  return scale;
}

/** The bound in units of 10^-scale. Where that is no whole number (integers only), the next whole one inside, which is then included. */
function scaled(limit: Limit, scale: number, round: (value: number) => number): Bound {
  if (scale === 0) {
    const whole = round(limit.value);
    return { units: BigInt(whole), isExclusive: limit.isExclusive && whole === limit.value };
  }
  // toFixed turns to exponents from 1e21 on, where doubles have been whole numbers for long.
  if (Math.abs(limit.value) >= 1e21) return { units: BigInt(limit.value) * 10n ** BigInt(scale), isExclusive: limit.isExclusive };
  const written = Math.abs(limit.value).toFixed(scale).replace('.', '');
  return { units: BigInt(written) * (limit.value < 0 ? -1n : 1n), isExclusive: limit.isExclusive };
}
