/** Chance of at most `hits` hits of `runs`, each with a chance of `rate`. */
export function chanceOfAtMost(hits: number, runs: number, rate: number): number {
  if (rate <= 0 || hits >= runs) return 1;
  if (rate >= 1) return 0;
  let log = runs * Math.log1p(-rate);
  let sum = Math.exp(log);
  for (let k = 1; k <= hits; k += 1) {
    log += Math.log((runs - k + 1) / k) + Math.log(rate) - Math.log1p(-rate);
    sum += Math.exp(log);
  }
  return Math.min(sum, 1);
}

/** The highest rate that so few hits leave a chance of 2.5 % (Clopper and Pearson 1934). */
export function upperBound(hits: number, runs: number): number {
  return bisect((rate) => chanceOfAtMost(hits, runs, rate) > 0.025);
}

/** The lowest rate that so many hits leave a chance of 2.5 %. */
export function lowerBound(hits: number, runs: number): number {
  return hits === 0 ? 0 : bisect((rate) => 1 - chanceOfAtMost(hits - 1, runs, rate) < 0.025);
}

/** The rate up to which something holds. */
function bisect(holds: (rate: number) => boolean): number {
  let [low, high] = [0, 1];
  for (let step = 0; step < 60; step += 1) {
    const middle = (low + high) / 2;
    if (holds(middle)) low = middle;
    else high = middle;
  }
  return low;
}
