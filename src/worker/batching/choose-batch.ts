/** What of a waiting item decides with whom it shares a batch. */
export interface BatchCandidate {
  readonly rows: number;
  readonly rowCost: number;
}

export interface BatchLimits {
  readonly maxRows: number;
  /** Most of longest row × rows. */
  readonly maxCost: number;
  /** Row counts that the model likes, in any order; empty when all are as good. */
  readonly preferredRows: readonly number[];
  /** `preserved`: a batch is the head of the line and nothing from behind it. */
  readonly ordering: 'preserved' | 'free';
}

/** Of the work of a batch at most so much is padding. */
const MOST_PADDING = 0.25;

/**
 * The places of those that go together, among candidates of one shape class in the order of their turn. The first is always among
 * them, whatever its size, so nobody waits for more batches than there were items before it. Rows of unequal cost are padded to
 * the longest: then the ones that are nearest to the first in cost go with it.
 */
export function chooseBatch(candidates: readonly BatchCandidate[], limits: BatchLimits): readonly number[] {
  const [first] = candidates;
  if (first === undefined) return [];
  const isUniform = candidates.every(({ rowCost }) => rowCost === first.rowCost);
  return isUniform || limits.ordering === 'preserved' ? fillInOrder(candidates, limits) : fillByCost(candidates, limits);
}

function fillInOrder(candidates: readonly BatchCandidate[], limits: BatchLimits): readonly number[] {
  const chosen: number[] = [];
  let rows = 0;
  let longest = 0;
  let preferredCount = 0;
  for (let place = 0; place < candidates.length && rows < limits.maxRows; place++) {
    const candidate = candidates[place] as BatchCandidate;
    const nextLongest = Math.max(longest, candidate.rowCost);
    const fits = rows + candidate.rows <= limits.maxRows && (rows + candidate.rows) * nextLongest <= limits.maxCost;
    if (!fits && place > 0) {
      if (limits.ordering === 'preserved') break;
      continue;
    }
    chosen.push(place);
    rows += candidate.rows;
    longest = nextLongest;
    if (limits.preferredRows.includes(rows)) preferredCount = chosen.length;
  }
  return preferredCount > 0 ? chosen.slice(0, preferredCount) : chosen;
}

interface Run {
  readonly low: number;
  readonly high: number;
  readonly rows: number;
  /** Sum of rows × cost, without padding. */
  readonly work: number;
}

/** Grows a run of neighbours in cost around the first, at each step on the side that pads less. */
function fillByCost(candidates: readonly BatchCandidate[], limits: BatchLimits): readonly number[] {
  const order = candidates.map((_, place) => place).toSorted((a, b) => costAt(candidates, a) - costAt(candidates, b) || a - b);
  const start = order.indexOf(0);
  const first = candidates[0] as BatchCandidate;
  let run: Run = { low: start, high: start, rows: first.rows, work: first.rows * first.rowCost };
  for (;;) {
    const lower = grow(run, { order, candidates, limits, side: 'low' });
    const higher = grow(run, { order, candidates, limits, side: 'high' });
    const next = lower !== undefined && higher !== undefined ? lessPadded(lower, higher) : (lower ?? higher);
    if (next === undefined) break;
    run = next.run;
  }
  return order.slice(run.low, run.high + 1).toSorted((a, b) => a - b);
}

interface Growing {
  readonly order: readonly number[];
  readonly candidates: readonly BatchCandidate[];
  readonly limits: BatchLimits;
  readonly side: 'low' | 'high';
}

interface Grown {
  readonly run: Run;
  readonly padding: number;
}

function grow(run: Run, { order, candidates, limits, side }: Growing): Grown | undefined {
  const at = side === 'low' ? run.low - 1 : run.high + 1;
  const place = order[at];
  if (place === undefined) return undefined;
  const added = candidates[place] as BatchCandidate;
  const high = side === 'low' ? run.high : at;
  const rows = run.rows + added.rows;
  const work = run.work + added.rows * added.rowCost;
  const padded = rows * costAt(candidates, order[high] as number);
  if (rows > limits.maxRows || padded > limits.maxCost || padded - work > padded * MOST_PADDING) return undefined;
  return { run: { low: side === 'low' ? at : run.low, high, rows, work }, padding: (padded - work) / padded };
}

function lessPadded(lower: Grown, higher: Grown): Grown {
  return higher.padding < lower.padding ? higher : lower;
}

function costAt(candidates: readonly BatchCandidate[], place: number): number {
  return (candidates[place] as BatchCandidate).rowCost;
}
