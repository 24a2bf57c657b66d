/** Which tokens may come next, as in OpenAI's reference. */
export interface TokenRules {
  readonly suppressed: readonly number[];
  /** Also suppressed where the text begins. */
  readonly suppressedAtStart: readonly number[];
  readonly endOfText: number;
  readonly timestampBegin: number;
  readonly timestamps: 'on' | 'off';
}

/** A transcript's first timestamp lies in the first second of its window. */
const MOST_FIRST_TIMESTAMP = 50;
const NEVER = Number.NEGATIVE_INFINITY;

/** Takes from `logits` what may not come after the tokens of `text`. */
export function restrictLogits(logits: Float32Array, text: readonly number[], rules: TokenRules): void {
  const { endOfText, timestampBegin } = rules;
  for (const token of rules.suppressed) if (token < logits.length) logits[token] = NEVER;
  if (text.length === 0) {
    for (const token of rules.suppressedAtStart) if (token < logits.length) logits[token] = NEVER;
  }
  logits.fill(NEVER, endOfText + 1, timestampBegin);
  if (rules.timestamps === 'off') logits.fill(NEVER, timestampBegin);
  else restrictTimestamps(logits, text, rules);
}

/** Timestamps come in pairs, save before the end, and never go back. */
function restrictTimestamps(logits: Float32Array, text: readonly number[], { endOfText, timestampBegin }: TokenRules): void {
  const isTimestamp = (token: number | undefined): boolean => token !== undefined && token >= timestampBegin;
  const isAfterOne = isTimestamp(text.at(-1));
  const isAfterPair = isAfterOne && (text.length < 2 || isTimestamp(text.at(-2)));
  if (isAfterPair) logits.fill(NEVER, timestampBegin);
  else if (isAfterOne) logits.fill(NEVER, 0, endOfText);
  const last = text.findLast(isTimestamp);
  if (last !== undefined) logits.fill(NEVER, timestampBegin, isAfterOne && !isAfterPair ? last : last + 1);
  if (text.length === 0) {
    logits.fill(NEVER, 0, timestampBegin);
    logits.fill(NEVER, timestampBegin + MOST_FIRST_TIMESTAMP + 1);
  }
  const mostLikelyText = largest(logits, 0, timestampBegin);
  if (logSumExp(logits, timestampBegin) > mostLikelyText) logits.fill(NEVER, 0, timestampBegin);
}

/** The next token and its log-probability at temperature 1. */
export interface ChosenToken {
  readonly token: number;
  readonly logprob: number;
}

/** Draws from restricted logits; the most likely token at temperature 0. `draw` is even in 0…1. */
export function chooseToken(logits: Float32Array, temperature: number, draw: number): ChosenToken {
  const token = temperature === 0 ? indexOfLargest(logits) : drawToken(logits, temperature, draw);
  return { token, logprob: (logits[token] ?? NEVER) - logSumExp(logits, 0) };
}

/** The token of largest logit among some. */
export function chooseAmong(logits: Float32Array, tokens: Iterable<number>): number | undefined {
  let best: number | undefined;
  for (const token of tokens) if (best === undefined || (logits[token] ?? NEVER) > (logits[best] ?? NEVER)) best = token;
  return best;
}

/** Probability of one token among all. */
export function probabilityOf(logits: Float32Array, token: number): number {
  return Math.exp((logits[token] ?? NEVER) - logSumExp(logits, 0));
}

function drawToken(logits: Float32Array, temperature: number, draw: number): number {
  const scaled = logits.map((logit) => logit / temperature);
  const total = logSumExp(scaled, 0);
  let rest = draw;
  let last = 0;
  for (let token = 0; token < scaled.length; token++) {
    const probability = Math.exp((scaled[token] ?? NEVER) - total);
    if (probability === 0) continue;
    last = token;
    rest -= probability;
    if (rest < 0) return token;
  }
  return last;
}

function indexOfLargest(values: Float32Array): number {
  let best = 0;
  for (let index = 1; index < values.length; index++) if ((values[index] ?? NEVER) > (values[best] ?? NEVER)) best = index;
  return best;
}

function largest(values: Float32Array, start: number, end: number): number {
  let most = NEVER;
  for (let index = start; index < Math.min(end, values.length); index++) most = Math.max(most, values[index] ?? NEVER);
  return most;
}

function logSumExp(values: Float32Array, start: number): number {
  const most = largest(values, start, values.length);
  if (most === NEVER) return NEVER;
  let sum = 0;
  for (let index = start; index < values.length; index++) sum += Math.exp((values[index] ?? NEVER) - most);
  return most + Math.log(sum);
}
