import type { RepositoryEntry, RoutedModel } from '../../../core/messages/index.ts';
import { isServing } from '../../../core/messages/index.ts';
import type { ModelFacts } from '../../../core/models/index.ts';
import type { WarmUpReport } from '../warming/index.ts';
import type { FollowedVersion } from './followed-version.ts';

/** A version in this process, for people and programs that ask. */
export interface VersionState {
  readonly model: string;
  /** Digits. */
  readonly version: string;
  readonly state: 'loading' | 'ready' | 'draining' | 'failed' | 'unloaded';
  /** Why it is loaded, in words; absent for one that is not wanted. */
  readonly why?: string;
  /** Why it does not answer. */
  readonly reason?: string;
  readonly facts?: ModelFacts;
  /** Resident memory of its replicas. */
  readonly residentBytes: number;
  /** What it was expected to take when it was let in. */
  readonly expectedBytes?: number;
  readonly warmUp?: WarmUpReport;
  /** Requests wait while others make room for it. */
  readonly isSwapping?: boolean;
}

/** How far a version has come in this process. */
export function describeState(one: FollowedVersion): VersionState {
  const { model, version, why, isWanted, obstacle, claim, warmUp, residentBytes } = one;
  const facts = one.hosted.routed()?.facts;
  return {
    model,
    version,
    state: stateOf(one),
    ...(isWanted && { why }),
    ...(obstacle !== undefined && { reason: obstacle.message }),
    ...(facts && { facts }),
    residentBytes,
    ...(claim && { expectedBytes: claim.needBytes }),
    ...(warmUp && { warmUp }),
    ...(one.swap && { isSwapping: true }),
  };
}

/** The version as model repositories list it. `routed`: as the snapshot has it, if it does. */
export function describeEntry(one: FollowedVersion, routed: RoutedModel | undefined): RepositoryEntry {
  const { model: name, version, obstacle } = one;
  if (obstacle !== undefined && (routed === undefined || !isServing(routed)))
    return { name, version, state: 'UNAVAILABLE', reason: obstacle.message };
  return one.hosted.entry(routed);
}

function stateOf(one: FollowedVersion): VersionState['state'] {
  if (one.isServing) return 'ready';
  if (one.obstacle !== undefined) return 'failed';
  if (!one.hosted.isIdle) return 'loading';
  return one.hosted.isLeaving ? 'draining' : 'unloaded';
}
