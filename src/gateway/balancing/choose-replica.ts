import type { RoutedReplica } from '../../core/messages/index.ts';

/** A replica that could take a request, in the form that receipts keep. */
export interface ReplicaCandidate {
  readonly replica: RoutedReplica;
  readonly id: string;
  readonly slots: number;
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

/**
 * The candidate where the requests of one sequence meet, whichever gateway sends them: the highest of the candidates' hashes with
 * the sequence's key, so that a replica that comes or goes moves only the sequences that it wins or held.
 */
export function chooseSequenceReplica(candidates: readonly ReplicaCandidate[], sequenceKey: string): RoutedReplica | undefined {
  let best: RoutedReplica | undefined;
  let bestHash = -1;
  const sound = candidates.filter(({ hasFailed }) => !hasFailed);
  for (const { replica } of sound.length > 0 ? sound : candidates) {
    const hash = hashText(`${sequenceKey} ${replica.id}`);
    if (hash > bestHash || (hash === bestHash && best !== undefined && replica.id < best.id)) [best, bestHash] = [replica, hash];
  }
  return best;
}

/** FNV-1a with a final mix, 32 bits: texts that differ in one digit give unlike numbers. */
function hashText(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
