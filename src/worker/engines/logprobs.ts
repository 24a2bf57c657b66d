/** Natural-log probability of `token` and of the `top` most likely tokens under softmax of the raw logits. */
export function logprobsOf(logits: Float32Array, choice: { readonly token: number; readonly top: number }) {
  let highest = -Infinity;
  for (const logit of logits) if (logit > highest) highest = logit;
  let sum = 0;
  for (const logit of logits) sum += Math.exp(logit - highest);
  const normalizer = highest + Math.log(sum);
  const logprobOf = (token: number) => (logits[token] ?? -Infinity) - normalizer;
  return {
    logprob: logprobOf(choice.token),
    top: largest(logits, choice.top).map((token) => ({ token, logprob: logprobOf(token) })),
  };
}

/** Indices of the `count` largest values, largest first. */
function largest(values: Float32Array, count: number): number[] {
  const best: number[] = [];
  if (count === 0) return best;
  let threshold = -Infinity;
  values.forEach((value, index) => {
    if (best.length === count && value <= threshold) return;
    const at = best.findIndex((other) => (values[other] ?? 0) < value);
    best.splice(at === -1 ? best.length : at, 0, index);
    if (best.length > count) best.pop();
    if (best.length === count) threshold = values[best[count - 1] ?? 0] ?? -Infinity;
  });
  return best;
}
