/** How the vectors of a text's tokens become one. */
export type PoolingMode = 'mean' | 'cls' | 'max' | 'weighted-mean' | 'last';

/** The token vectors of one text: `tokens` × `width` values from `offset` on. */
export interface TokenVectors {
  readonly values: Float32Array;
  readonly offset: number;
  /** Without padding. */
  readonly tokens: number;
  readonly width: number;
}

/** One vector for a text, not yet of unit length. */
export function poolTokens(text: TokenVectors, mode: PoolingMode): Float32Array {
  const { values, offset, tokens, width } = text;
  if (mode === 'cls') return values.slice(offset, offset + width);
  if (mode === 'last') return values.slice(offset + (tokens - 1) * width, offset + tokens * width);
  return mode === 'max' ? poolMaximum(text) : poolSum(text, mode);
}

/** The sum, as good as the mean: length is taken out afterwards. A weighted one counts later tokens more. */
function poolSum({ values, offset, tokens, width }: TokenVectors, mode: 'mean' | 'weighted-mean'): Float32Array {
  const sum = new Float32Array(width);
  for (let token = 0; token < tokens; token++) {
    const weight = mode === 'mean' ? 1 : token + 1;
    const start = offset + token * width;
    for (let at = 0; at < width; at++) sum[at] = (sum[at] as number) + weight * (values[start + at] as number);
  }
  return sum;
}

function poolMaximum({ values, offset, tokens, width }: TokenVectors): Float32Array {
  const most = values.slice(offset, offset + width);
  for (let token = 1; token < tokens; token++) {
    const start = offset + token * width;
    for (let at = 0; at < width; at++) most[at] = Math.max(most[at] as number, values[start + at] as number);
  }
  return most;
}

/** The first `dimensions` values (all when absent), made unit length in place of their own. A vector of zeros stays one. */
export function normalizeVector(vector: Float32Array, dimensions = vector.length): Float32Array {
  const cut = vector.slice(0, dimensions);
  let squares = 0;
  for (const value of cut) squares += value * value;
  const length = Math.sqrt(squares);
  if (length > 0) for (let at = 0; at < cut.length; at++) cut[at] = (cut[at] as number) / length;
  return cut;
}

/** The cosine of two vectors of unit length. */
export function multiplyVectors(one: Float32Array, other: Float32Array): number {
  let sum = 0;
  for (let at = 0; at < one.length; at++) sum += (one[at] as number) * (other[at] as number);
  return Math.max(-1, Math.min(1, sum));
}
