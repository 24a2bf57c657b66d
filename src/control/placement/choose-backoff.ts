import type { ReplacementReason } from './replica-report.ts';

export interface BackoffView {
  /** Failures in a row before this one. */
  readonly previousFailures: number;
  /** How long the replica had been ready when it failed; 0 when it never was. */
  readonly healthyMs: number;
  readonly reason: ReplacementReason;
  /** Random, 0 ≤ jitter < 1: spreads the returns of replicas that failed together. */
  readonly jitter: number;
}

export interface Backoff {
  readonly delayMs: number;
  /** Failures in a row, with this one. */
  readonly failures: number;
}

const FORGIVEN_AFTER_MS = 60_000;
const ORDINARY = { firstMs: 200, mostMs: 30_000 };
/** What outgrew its memory will most likely do so again: hold longer, so that it cannot eat the machine in a loop. */
const OVER_MEMORY = { firstMs: 2_000, mostMs: 120_000 };

/** How long to wait before a failed replica gets a successor: doubles from 200 ms to 30 s, forgotten after a healthy minute. */
export function chooseBackoff(view: BackoffView): Backoff {
  const failures = view.healthyMs >= FORGIVEN_AFTER_MS ? 1 : view.previousFailures + 1;
  const { firstMs, mostMs } = view.reason === 'memory-limit' ? OVER_MEMORY : ORDINARY;
  const plainMs = firstMs * 2 ** Math.min(failures - 1, 30);
  return { failures, delayMs: Math.round(Math.min(mostMs, plainMs * (0.8 + 0.4 * view.jitter))) };
}
