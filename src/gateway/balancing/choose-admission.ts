import type { ErrorFacts } from '../../core/errors/index.ts';

export interface ModelLoad {
  readonly model: string;
  /** Requests under way, waiting ones included. */
  readonly inFlight: number;
  /** Seats of all replicas that can take requests. */
  readonly slots: number;
  readonly queueLength: number;
  /** Recent mean time that a request holds its seat; 0 when unknown. */
  readonly meanSeatMs: number;
  /** Why no replica is ready, when the snapshot says so. */
  readonly failure: string | undefined;
}

const SHORTEST_RETRY_MS = 1000;
const LONGEST_RETRY_MS = 30_000;

/** Why a request must be refused at the door, or undefined to let it in. */
export function chooseAdmission(load: ModelLoad): ErrorFacts | undefined {
  if (load.inFlight < load.slots + load.queueLength) return undefined;
  if (load.slots === 0 && load.inFlight === 0) return notReady(load);
  const message = `The model '${load.model}' is at its limit: ${load.slots} running and ${load.queueLength} waiting requests.`;
  return { code: 'queue_full', message, retryAfterMs: chooseRetryAfterMs(load) };
}

/** The same for a copy whose answer nobody waits for: it takes a seat that is free and no place in the line. */
export function chooseSpareAdmission(load: ModelLoad): ErrorFacts | undefined {
  if (load.inFlight < load.slots) return undefined;
  return { code: 'queue_full', message: `The model '${load.model}' has no seat to spare.` };
}

/** Until half of the line ahead should be gone: long enough to matter, short enough not to leave the replicas idle. */
export function chooseRetryAfterMs(load: ModelLoad): number {
  const drainMs = (load.meanSeatMs * load.inFlight) / Math.max(1, load.slots) / 2;
  return Math.min(LONGEST_RETRY_MS, Math.max(SHORTEST_RETRY_MS, Math.round(drainMs)));
}

export function notReady(load: Pick<ModelLoad, 'model' | 'failure'>): ErrorFacts {
  const reason = load.failure === undefined ? 'No replica is ready yet.' : load.failure;
  return { code: 'model_not_ready', message: `The model '${load.model}' is not ready. ${reason}`, retryAfterMs: 2000 };
}
