/** Both databases have a limit on the parameters of one statement. */
const ROWS_AT_ONCE = 500;

/** What requests tell outlives the process, not a power loss: nothing was promised to anybody, and the disk is not waited for. */
export const DURABILITY = 'process-end';

export function inPieces<T>(rows: readonly T[]): readonly T[][] {
  return Array.from({ length: Math.ceil(rows.length / ROWS_AT_ONCE) }, (_, index) =>
    rows.slice(index * ROWS_AT_ONCE, (index + 1) * ROWS_AT_ONCE),
  );
}
