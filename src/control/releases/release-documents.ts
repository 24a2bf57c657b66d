import type { ReleaseContents, VersionRecord } from '../../core/records/index.ts';
import { describeReference } from './describe-reference.ts';
import { lineOf, runningExperiments, runningRollout, versionsOf } from './line-contents.ts';

/** How far a version has come in this process. */
export interface VersionState {
  readonly version: string;
  readonly state: 'loading' | 'ready' | 'draining' | 'failed' | 'unloaded';
  /** Why it is loaded, in words. */
  readonly why?: string;
  /** Why it does not answer, in words. */
  readonly reason?: string;
  /** Resident memory of its replicas. */
  readonly residentBytes?: number;
  /** Requests wait while others make room for it. */
  readonly isSwapping?: boolean;
}

/** States of the versions of one model; one that is missing is `unloaded`. */
export type VersionStates = readonly VersionState[];

/** A version as the management port shows it; nothing secret of its source. */
export function describeVersion(record: VersionRecord, states: VersionStates): object {
  const { model, version, reference, settings, ...rest } = record;
  const { state = 'unloaded', why, reason, residentBytes, isSwapping } = states.find((one) => one.version === version) ?? {};
  return {
    model,
    version,
    ...(reference !== undefined && { source: describeReference(reference) }),
    settings: showSettings(settings),
    ...rest,
    ...(rest.found?.source !== undefined && { found: { ...rest.found, source: describeReference(rest.found.source) } }),
    state: record.removedAt === undefined ? state : 'removed',
    ...(why !== undefined && { why }),
    ...(reason !== undefined && { reason }),
    ...(residentBytes !== undefined && { residentBytes }),
    ...(isSwapping !== undefined && { isSwapping }),
  };
}

function showSettings(settings: VersionRecord['settings']): object {
  const { upstream } = settings;
  if (typeof upstream !== 'object' || upstream === null || Array.isArray(upstream)) return settings;
  const shown = Object.entries(upstream).map(([field, value]) => [
    field,
    typeof value === 'string' ? describeReference(value) : value,
  ]);
  return { ...settings, upstream: Object.fromEntries(shown) as object };
}

/** A line with its versions, highest first, and with what moves its requests now. */
export function describeLine(contents: ReleaseContents, model: string, states: VersionStates): object {
  const { aliases, traffic, policy, revision } = lineOf(contents, model);
  const rollout = runningRollout(contents, model);
  const versions = versionsOf(contents, model).map((record) => ({
    ...describeVersion(record, states),
    aliases: Object.keys(aliases).filter((alias) => aliases[alias] === record.version),
    weight: traffic.weights[record.version] ?? null,
  }));
  return {
    model,
    revision,
    policy,
    aliases,
    traffic,
    versions,
    ...(rollout !== undefined && { rollout: describeRollout(rollout) }),
    experiments: runningExperiments(contents, model).map(({ id, startedAt }) => ({ id, startedAt })),
  };
}

function describeRollout({
  id,
  state,
  baseline,
  candidate,
  step,
  share,
  pausedBecause,
}: ReleaseContents['rollouts'][number]): object {
  return { id, state, baseline, candidate, step, share, ...(pausedBecause !== undefined && { pausedBecause }) };
}
