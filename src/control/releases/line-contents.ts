import type { ExperimentRecord, LineRecord, ReleaseContents, RolloutRecord, VersionRecord } from '../../core/records/index.ts';
import { defaultTrafficPolicy, type TrafficPolicy, type VersionPolicy } from '../../core/traffic/index.ts';

/** What decisions about releases are made on: the book's contents and the versions that were removed, of the models in question. */
export interface ReleaseView extends ReleaseContents {
  /** Their numbers are never given again. */
  readonly removed: readonly VersionRecord[];
}

/** Of a line that says nothing: the newest version is kept loaded, and answers. */
const defaultVersionPolicy: VersionPolicy = { latest: 1 };

/** The line of a model; one of revision 0 when the book has none. */
export function lineOf(contents: ReleaseContents, model: string): LineRecord {
  const line = contents.lines.find((candidate) => candidate.model === model);
  return line ?? { model, policy: defaultVersionPolicy, aliases: {}, traffic: defaultTrafficPolicy, revision: 0 };
}

/** Versions of a model that are not removed, the highest first. */
export function versionsOf(contents: ReleaseContents, model: string): readonly VersionRecord[] {
  return contents.versions.filter((record) => record.model === model).toSorted((a, b) => compareVersions(b.version, a.version));
}

/** The version that an alias of a line points to. */
export function versionOfAlias({ aliases }: LineRecord, alias: string): string | undefined {
  return Object.hasOwn(aliases, alias) ? aliases[alias] : undefined;
}

/** Orders numbers of any length that are written without leading zeros. */
export function compareVersions(a: string, b: string): number {
  if (a.length !== b.length) return a.length - b.length;
  return a < b ? -1 : Number(a > b);
}

const ENDED: readonly RolloutRecord['state'][] = ['promoted', 'rolled-back', 'aborted', 'failed'];

/** Whether a rollout still moves its model. */
export function isRunning(rollout: RolloutRecord): boolean {
  return !ENDED.includes(rollout.state);
}

/** The rollout that moves a model now. */
export function runningRollout(contents: ReleaseContents, model: string): RolloutRecord | undefined {
  return contents.rollouts.find((rollout) => rollout.model === model && isRunning(rollout));
}

/** The rollout of a model that ended last. */
export function endedRollout(contents: ReleaseContents, model: string): RolloutRecord | undefined {
  return contents.rollouts
    .filter((rollout) => rollout.model === model && !isRunning(rollout))
    .toSorted((a, b) => (b.endedAt ?? 0) - (a.endedAt ?? 0))[0];
}

/** The experiments that compare versions of a model now. */
export function runningExperiments(contents: ReleaseContents, model: string): readonly ExperimentRecord[] {
  return contents.experiments.filter((experiment) => experiment.model === model && experiment.state === 'running');
}

/** The versions with a weight above 0, the highest first. */
export function weightedVersions({ weights }: Pick<TrafficPolicy, 'weights'>): readonly string[] {
  const positive = Object.entries(weights).filter(([, weight]) => weight > 0);
  return positive.map(([version]) => version).toSorted((a, b) => compareVersions(b, a));
}

/**
 * The versions that a policy picks of those given highest first. Where weights are written down, the ones above the highest version
 * that has one are held: they were added to be tried first, and `latest` counts only what is below.
 */
export function versionsOfPolicy(line: LineRecord, versions: readonly string[]): readonly string[] {
  const { policy } = line;
  if ('all' in policy) return versions;
  if ('specific' in policy) return versions.filter((version) => policy.specific.includes(version));
  const highest = weightedVersions(line.traffic)[0];
  const released = highest === undefined ? versions : versions.filter((version) => compareVersions(version, highest) <= 0);
  return released.slice(0, policy.latest);
}

/** `latest 2`, `all`, `versions 1, 3`. */
export function describePolicy(policy: VersionPolicy): string {
  if ('all' in policy) return 'all';
  return 'latest' in policy ? `latest ${policy.latest}` : `versions ${policy.specific.join(', ')}`;
}
