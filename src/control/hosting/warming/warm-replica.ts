import { randomUUID } from 'node:crypto';
import type { InferenceRequest } from '../../../core/inference/index.ts';
import { ReplicaCaller } from './replica-caller.ts';

/** What came of requests that were run to warm a replica up. */
export interface WarmUpReport {
  readonly requests: number;
  /** Those that the replica refused, did not end in time or was lost over. */
  readonly failed: number;
  readonly elapsedMs: number;
}

/** Which requests are run where. */
export interface WarmUpOptions {
  readonly socketPath: string;
  readonly requests: readonly InferenceRequest[];
  /** Requests that run at once. */
  readonly slots: number;
  /** For all of them together. */
  readonly limitMs: number;
  readonly signal?: AbortSignal;
}

const MOST_AT_ONCE = 4;

/** Runs requests on a replica that gateways may not know yet, and throws their answers away. Never rejects. */
export async function warmReplica({ socketPath, requests, slots, limitMs, signal }: WarmUpOptions): Promise<WarmUpReport> {
  const startedAt = performance.now();
  const caller = new ReplicaCaller(socketPath);
  const stop = (): void => caller.close();
  const timer = setTimeout(stop, limitMs);
  signal?.addEventListener('abort', stop, { once: true });
  if (signal?.aborted) stop();
  const waiting = requests.values();
  let failed = 0;
  const work = async (): Promise<void> => {
    for (const request of waiting) {
      const outcome = await caller.ask({ ...request, id: `warm-up-${randomUUID()}`, timeLeftMs: limitMs });
      if (outcome !== 'finished') failed += 1;
    }
  };
  await Promise.all(Array.from({ length: Math.max(1, Math.min(slots, MOST_AT_ONCE)) }, work));
  clearTimeout(timer);
  signal?.removeEventListener('abort', stop);
  caller.close();
  return { requests: requests.length, failed, elapsedMs: Math.round(performance.now() - startedAt) };
}
