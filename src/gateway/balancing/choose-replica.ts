import type { RoutedReplica } from '../../core/messages/index.ts';

export interface ReplicaCandidate {
  readonly replica: RoutedReplica;
  /** Requests that it holds already. */
  readonly inFlight: number;
  /** This request was lost on it before. */
  readonly hasFailed: boolean;
}

/**
 * The candidate with the least work per slot; one that lost this request only when there is no other. Among equals `random`
 * (0 ≤ random < 1) decides, so that gateways that see the same numbers do not all choose the same replica.
 */
export function chooseReplica(candidates: readonly ReplicaCandidate[], random: number): RoutedReplica | undefined {
  let best: ReplicaCandidate[] = [];
  for (const candidate of candidates) {
    const order = best[0] === undefined ? -1 : compareCandidates(candidate, best[0]);
    if (order < 0) best = [candidate];
    else if (order === 0) best.push(candidate);
  }
  return best[Math.floor(random * best.length)]?.replica;
}

function compareCandidates(a: ReplicaCandidate, b: ReplicaCandidate): number {
  if (a.hasFailed !== b.hasFailed) return a.hasFailed ? 1 : -1;
  return a.inFlight / a.replica.slots - b.inFlight / b.replica.slots;
}
