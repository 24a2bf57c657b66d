/**
 * The known names that a mistyped one may have meant, nearest first: at most `limit`, none farther than one edit or a third of the longer
 * name's length in edits (insertions, deletions, replacements, swaps of neighbours), letter case ignored. A known name that
 * begins with the given one, or that it begins with, counts as near.
 */
export function nearestNames(name: string, known: readonly string[], limit = 3): string[] {
  const wanted = name.toLowerCase();
  const scored = known.flatMap((candidate) => {
    const distance = score(wanted, candidate.toLowerCase());
    return distance === undefined ? [] : [{ candidate, distance }];
  });
  return scored
    .toSorted((a, b) => a.distance - b.distance)
    .slice(0, limit)
    .map((entry) => entry.candidate);
}

const LONGEST_COMPARED = 200;

function score(wanted: string, candidate: string): number | undefined {
  const longest = Math.max(wanted.length, candidate.length);
  if (longest > LONGEST_COMPARED) return undefined;
  const distance = editDistance(wanted, candidate);
  if (distance < longest && distance <= Math.max(1, Math.floor(longest / 3))) return distance;
  const isPrefix = wanted.length >= 3 && (candidate.startsWith(wanted) || wanted.startsWith(candidate));
  return isPrefix ? distance : undefined;
}

/** Optimal string alignment distance: each pair of neighbours is swapped at most once. */
function editDistance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row++) {
    const current = [row];
    for (let column = 1; column <= b.length; column++) {
      const isSame = a[row - 1] === b[column - 1];
      let cost = Math.min((last[column] ?? 0) + 1, (current[column - 1] ?? 0) + 1, (last[column - 1] ?? 0) + (isSame ? 0 : 1));
      const isSwap = row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1];
      if (isSwap) cost = Math.min(cost, (beforeLast[column - 2] ?? 0) + 1);
      current.push(cost);
    }
    beforeLast = last;
    last = current;
  }
  return last[b.length] ?? 0;
}
