/** Numbers as they are drawn in simulations; `uniform` gives 0 ≤ x < 1. */
export interface Draws {
  happens(rate: number): boolean;
  normal(mean: number, deviation: number): number;
  logNormal(median: number, deviation: number): number;
  /** The index of one of the shares, which sum to 1. */
  pick(shares: readonly number[]): number;
}

export function createDraws(uniform: () => number): Draws {
  const normal = (mean: number, deviation: number) =>
    mean + deviation * Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
  return {
    happens: (rate) => uniform() < rate,
    normal,
    logNormal: (median, deviation) => median * Math.exp(normal(0, deviation)),
    pick: (shares) => {
      let left = uniform();
      const index = shares.findIndex((share) => (left -= share) < 0);
      return index === -1 ? shares.length - 1 : index;
    },
  };
}
