import type { Observation, Outcome, OutputShape, SampledAnswer } from '../../../core/messages/index.ts';

/** Slower or faster than this is a clock that was wrong. */
const LEAST_MS = 0.01;
const MOST_MS = 3_600_000;
const MOST_TOKENS = 1e7;

/** No token of a real vocabulary is less likely on average. */
const MOST_NATS = 50;

type Tokens = Pick<Observation, 'promptTokens' | 'completionTokens'>;

/** Whether the way an answer ended says something about the version. */
export function countsAgainst(outcome: Outcome): boolean {
  return outcome === 'ok' || outcome === 'failed' || outcome === 'timeout';
}

/** Whether an answer is made of tokens; embeddings report tokens of the prompt alone. */
export function isText({ firstTokenMs, completionTokens = 0, isRefusal }: Partial<Observation>): boolean {
  return firstTokenMs !== undefined || completionTokens > 0 || isRefusal !== undefined;
}

/** ln of milliseconds, within reason. */
export function logMs(ms: number | undefined): number | undefined {
  if (ms === undefined || Number.isNaN(ms)) return undefined;
  return Math.log(Math.min(Math.max(ms, LEAST_MS), MOST_MS));
}

/** ln of a number of tokens; an empty answer counts as one of a single token. */
export function logTokens(tokens: number | undefined): number | undefined {
  if (tokens === undefined || Number.isNaN(tokens)) return undefined;
  return Math.log(Math.min(Math.max(tokens, 1), MOST_TOKENS));
}

/** ln of what an answer costs; undefined when it is free or its tokens are unknown. */
export function chargeOf(
  prices: { readonly prompt: number; readonly completion: number } | undefined,
  { promptTokens, completionTokens }: Tokens,
): number | undefined {
  if (prices === undefined || promptTokens === undefined || completionTokens === undefined) return undefined;
  const charge = (prices.prompt * promptTokens + prices.completion * completionTokens) / 1e6;
  return charge > 0 ? Math.log(charge) : undefined;
}

/** A score between 0 and 1, whatever made it. */
export function asScore(score: number): number {
  return Math.min(Math.max(score, 0), 1);
}

/** Mean log-likelihood of a token, within reason. */
export function asNats(likelihood: number): number {
  return Math.min(Math.max(likelihood, -MOST_NATS), MOST_NATS);
}

export function isBrokenOutput({ isBroken, isConstant }: OutputShape): boolean {
  return isBroken || isConstant;
}

/** The tokens that an answer reported; nothing when it reported none. */
export function usageOf({ events }: Pick<SampledAnswer, 'events'>): Tokens {
  const report = events.findLast((event) => event.type === 'usage-report');
  return report === undefined ? {} : report.usage;
}
