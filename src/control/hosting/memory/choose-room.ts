/** Another version of the model that takes memory. */
export interface Neighbour {
  readonly version: string;
  readonly bytes: number;
  /** Nothing needs it to stay: it is not wanted, or only because it was there before. */
  readonly mayLeave: 'yes' | 'no';
  /** It is on its way out already. */
  readonly isLeaving: boolean;
}

/** A version that is about to be started and what there is for it. */
export interface RoomFacts {
  readonly model: string;
  readonly version: string;
  readonly needBytes: number;
  /** What is free, less what others that are loading will still take. */
  readonly freeBytes: number;
  readonly neighbours: readonly Neighbour[];
  readonly swap: 'never' | 'held';
}

/** `wait`: somebody is leaving. `swap`: these versions must leave first. `short`: it does not fit, in words. */
export type RoomChoice =
  | { readonly type: 'enter' }
  | { readonly type: 'wait' }
  | { readonly type: 'swap'; readonly leaving: readonly string[] }
  | { readonly type: 'short'; readonly message: string };

/**
 * Whether a version may be loaded beside the others of its model. The first of a model is always tried: there is nothing that it could
 * take the memory from, and an estimate may be wrong.
 */
export function chooseRoom(facts: RoomFacts): RoomChoice {
  const { needBytes, freeBytes, neighbours, swap } = facts;
  if (needBytes <= freeBytes || neighbours.length === 0) return { type: 'enter' };
  if (neighbours.some(({ isLeaving }) => isLeaving)) return { type: 'wait' };
  const leaving = swap === 'held' ? chooseLeaving(facts) : undefined;
  return leaving === undefined ? { type: 'short', message: describeShortage(facts) } : { type: 'swap', leaving };
}

/** The fewest that make enough room, the largest first; undefined when all of them do not. */
function chooseLeaving({ needBytes, freeBytes, neighbours }: RoomFacts): readonly string[] | undefined {
  const leaving: string[] = [];
  let missing = needBytes - freeBytes;
  for (const { version, bytes } of neighbours
    .filter(({ mayLeave }) => mayLeave === 'yes')
    .toSorted((a, b) => b.bytes - a.bytes)) {
    if (missing <= 0) break;
    leaving.push(version);
    missing -= bytes;
  }
  return missing <= 0 ? leaving : undefined;
}

function describeShortage({ model, version, needBytes, freeBytes, neighbours, swap }: RoomFacts): string {
  const beside = neighbours.map((one) => `${model}:${one.version} (${formatBytes(one.bytes)})`).join(' and ');
  const free = `${formatBytes(Math.max(0, freeBytes))} are free`;
  const isOwnChoice = swap === 'never' && neighbours.some(({ mayLeave }) => mayLeave === 'yes');
  const hint = isOwnChoice ? '; with swap: held the old version would leave first while requests wait' : '';
  return `${model}:${version} needs about ${formatBytes(needBytes)} beside ${beside}; ${free}${hint}`;
}

/** `1.9 GB`, `87 MB`. */
function formatBytes(bytes: number): string {
  return bytes >= 0.5e9 ? `${(bytes / 1e9).toFixed(1)} GB` : `${Math.round(bytes / 1e6)} MB`;
}
