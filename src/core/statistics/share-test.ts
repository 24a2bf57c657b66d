/** Strength of the belief that shares are about as planned: an alternative spread like that of a hundred draws. */
const CONCENTRATION = 100;

/**
 * Logarithm of the evidence that counts do not follow the planned shares, which sum to 1 and are above 0: exceeds ln(1/α) at some time
 * with a chance of at most α when they do (Lindon and Malek 2022, "Anytime-valid inference for multinomial count data").
 */
export function shareLogE(counts: readonly number[], shares: readonly number[]): number {
  const all = counts.reduce((sum, count) => sum + count, 0);
  const ofClasses = counts.reduce((sum, count, index) => {
    const share = shares[index] ?? 0;
    const prior = CONCENTRATION * share;
    return sum + logGamma(prior + count) - logGamma(prior) - count * Math.log(share);
  }, 0);
  return ofClasses + logGamma(CONCENTRATION) - logGamma(CONCENTRATION + all);
}

/** ln Γ(x) for x > 0: Stirling's series, after moving small x up (Abramowitz and Stegun 6.1.41). */
function logGamma(x: number): number {
  let shift = 0;
  let moved = x;
  for (; moved < 10; moved += 1) shift += Math.log(moved);
  const inverse = 1 / (moved * moved);
  const series = (1 / 12 - inverse * (1 / 360 - inverse / 1260)) / moved;
  return (moved - 0.5) * Math.log(moved) - moved + 0.5 * Math.log(2 * Math.PI) + series - shift;
}
