const DIAGONAL = 0;
const UP = 1;

/**
 * Dynamic time warping: the cheapest path from the first row and column of a grid to its last ones that never goes back. Returns the column at which each
 * row begins. `cost` is rows × columns.
 */
export function warpPath(cost: Float64Array, rows: number, columns: number): readonly number[] {
  const moves = measureMoves(cost, rows, columns);
  const begins = Array.from({ length: rows }, () => 0);
  let [row, column] = [rows - 1, columns - 1];
  while (row >= 0 && column >= 0) {
    begins[row] = column;
    const move = row === 0 ? -1 : column === 0 ? UP : moves[row * columns + column];
    if (move === DIAGONAL || move === UP) row -= 1;
    if (move !== UP) column -= 1;
  }
  return begins;
}

function measureMoves(cost: Float64Array, rows: number, columns: number): Uint8Array {
  const moves = new Uint8Array(rows * columns);
  let above = new Float64Array(columns).fill(Number.POSITIVE_INFINITY);
  for (let row = 0; row < rows; row++) {
    const current = new Float64Array(columns);
    let left = Number.POSITIVE_INFINITY;
    let corner = row === 0 ? 0 : Number.POSITIVE_INFINITY;
    for (let column = 0; column < columns; column++) {
      const up = above[column] ?? Number.POSITIVE_INFINITY;
      const [best, move] = corner <= up && corner <= left ? [corner, DIAGONAL] : up < left ? [up, UP] : [left, 2];
      moves[row * columns + column] = move;
      left = best + (cost[row * columns + column] ?? 0);
      current[column] = left;
      corner = up;
    }
    above = current;
  }
  return moves;
}
