/** The two that are compared: what is there, and what may take its place. */
export type Side = 'current' | 'candidate';

export const OTHER: Readonly<Record<Side, Side>> = { current: 'candidate', candidate: 'current' };

/** ln(eᵃ + eᵇ) without overflow. */
export function logAdd(a: number, b: number): number {
  const larger = Math.max(a, b);
  return larger === -Infinity ? larger : larger + Math.log1p(Math.exp(Math.min(a, b) - larger));
}

/** ln of the mean of eˣ; the logarithm of a mixture of equal parts. */
export function logMeanExp(logs: readonly number[]): number {
  const largest = logs.reduce((most, log) => Math.max(most, log), -Infinity);
  if (largest === -Infinity) return largest;
  return largest + Math.log(logs.reduce((sum, log) => sum + Math.exp(log - largest), 0) / logs.length);
}
