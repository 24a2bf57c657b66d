import type { RequestTimings, Usage } from './event.ts';

/** How long the first token took and the mean gap between tokens, in milliseconds; absent where there were none. */
export interface TokenTimes {
  readonly firstTokenMs?: number;
  readonly gapMs?: number;
}

/** As the worker measured them: the pieces of an answer that is passed on as a whole come together at its end and tell nothing. */
export function workerTokenTimes(timings: RequestTimings | undefined, usage: Usage | undefined): TokenTimes {
  if (timings === undefined || usage === undefined || usage.completionTokens === 0) return {};
  const firstTokenMs = timings.queueMs + timings.prefillMs;
  if (usage.completionTokens < 2) return { firstTokenMs };
  return { firstTokenMs, gapMs: timings.decodeMs / (usage.completionTokens - 1) };
}
