import type { VerdictState } from '../verdict.ts';

/** How often a judge had something to judge. */
export interface Presence {
  readonly current: number;
  readonly candidate: number;
  /** Answers or comparisons of the candidate in which it could have been. */
  readonly chances: number;
  readonly least: number;
  /** Whether the rollout waits for it even if it has never been seen. */
  readonly isRequired: boolean;
  /** In words: what is counted, and why there may be none. */
  readonly noun: string;
  readonly absence: string;
}

/** What occurs in fewer of the answers is not waited for: it would hold a rollout up for longer than it is worth. */
const COMMON_SHARE = 0.25;

/** What to say while there is too little to go by; undefined when there is enough of both. */
export function lackOf(presence: Presence): { readonly state: VerdictState; readonly reason: string } | undefined {
  const { current, candidate, chances, least, isRequired, noun, absence } = presence;
  if (current >= least && candidate >= least) return undefined;
  if (!isRequired && candidate === 0) return { state: 'off', reason: absence };
  // Errors and timeouts wait for answers of both, so that this is no matter of who was asked first.
  if (!isRequired && current === 0 && candidate >= least)
    return {
      state: 'off',
      reason: `${candidate} ${noun} of the candidate and none of the current version: there is nothing to compare with`,
    };
  const isRare = !isRequired && chances >= least && candidate < chances * COMMON_SHARE;
  if (isRare)
    return {
      state: 'off',
      reason: `only ${candidate} of ${chances} answers have ${noun}; that is too rare to wait for ${least}`,
    };
  return {
    state: 'not-enough-data',
    reason: `${candidate} ${noun} of the candidate and ${current} of the current version so far; ${least} of each are needed`,
  };
}

/** What is said of a candidate that looks worse than the limit allows while that may still be chance: more answers decide it. */
export function suspicionOf(words: string): { readonly state: VerdictState; readonly reason: string } {
  return { state: 'not-enough-data', reason: `${words}: beyond the limit, which may still be chance; more answers decide it` };
}

/** `15.0 %`. */
export function asPercent(share: number): string {
  return `${(share * 100).toFixed(Math.abs(share) < 0.1 && share !== 0 ? 2 : 1)} %`;
}

/** Three significant digits, without an exponent for numbers that people read. */
export function asNumber(value: number): string {
  if (value === 0 || !Number.isFinite(value)) return String(value === 0 ? 0 : value);
  return Math.abs(value) >= 1000 || Math.abs(value) < 1e-4
    ? Math.round(value).toLocaleString('en-US')
    : String(Number(value.toPrecision(3)));
}
