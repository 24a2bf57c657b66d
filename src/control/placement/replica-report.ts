import type { ReplicaState } from '../../core/messages/index.ts';

/** Why a replica was ended and replaced. A closed set: it labels a metric. */
export type ReplacementReason =
  'exited' | 'hung' | 'no-progress' | 'probe-failed' | 'probe-late' | 'memory-limit' | 'load-failed' | 'load-late';

/** One seat of a model and the process that sits in it, as an operator sees it. */
export interface ReplicaReport {
  readonly model: string;
  readonly version: string;
  /** Names the process: a replacement gets a new id. */
  readonly id: string;
  /** Absent while no process runs (a replacement waits for its back-off). */
  readonly pid?: number;
  readonly state: ReplicaState;
  /** When it came to this state, in Unix milliseconds. */
  readonly sinceUnixMs: number;
  /** Replacements of this seat since start. */
  readonly restarts: number;
  readonly lastFailure?: { readonly reason: ReplacementReason; readonly detail: string; readonly atUnixMs: number };
  /** Resident memory, bytes. */
  readonly rssBytes: number;
  readonly slots: number;
  /** Engine steps since the process started. */
  readonly steps: number;
  /** Longest of the recent steps, ms. */
  readonly stepMs: number;
  readonly runningSequences: number;
  readonly waitingRequests: number;
  readonly threads: number;
  readonly usedContextTokens: number;
  readonly promptTokens: number;
  readonly cachedTokens: number;
  readonly generatedTokens: number;
}
