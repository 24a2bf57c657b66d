import { PlinthError } from '../../../core/errors/index.ts';
import type { ExperimentRecord, LineRecord, ReleaseChange, ReleaseContents } from '../../../core/records/index.ts';
import {
  describePolicy,
  isRunning,
  lineOf,
  runningExperiments,
  versionsOf,
  versionsOfPolicy,
  weightedVersions,
} from '../line-contents.ts';
import { targetsOf, versionOfTarget } from '../line-targets.ts';
import { checkLine, checkVersion, type LineOrder } from './check-line.ts';

/** A version that is to go. */
export interface RemoveOrder extends LineOrder {
  readonly version: string;
  /** `drop-idle-weight`: a weight of 0, which only keeps it loaded, goes with it. */
  readonly force?: 'drop-idle-weight';
  readonly at: number;
  /** The versions that an experiment compares; its plan is the experiments' own document. */
  readonly versionsOfExperiment: (experiment: ExperimentRecord) => readonly string[];
}

/**
 * The change that removes a version from its line; the book keeps the record and never gives the number again. Throws `conflict` that
 * names everything that still uses it, `version_not_found`.
 */
export function chooseRemovedVersion(contents: ReleaseContents, order: RemoveOrder): { change: ReleaseChange; line: LineRecord } {
  const { model, version, actor, at, force } = order;
  const before = checkLine(contents, order);
  checkVersion(contents, order, 'remove');
  const uses = listUses(contents, order);
  const idle = before.traffic.weights[version] === 0 && force === undefined ? ['a weight of 0 (force drops it)'] : [];
  const all = [...uses, ...idle];
  if (all.length > 0)
    throw new PlinthError({ code: 'conflict', message: `Version ${version} of '${model}' is in use: ${all.join('; ')}.` });
  const { [version]: dropped, ...weights } = before.traffic.weights;
  const line = { ...before, traffic: { ...before.traffic, weights }, revision: before.revision + 1 };
  const detail = dropped === undefined ? {} : { droppedWeight: dropped };
  const audit = { actor, action: 'version.removed', subject: `${model}:${version}`, detail };
  // Lines of other models may name it by now.
  return { change: { audit, removeVersion: { model, version, at }, line, bookRevision: contents.revision }, line };
}

function listUses(contents: ReleaseContents, order: RemoveOrder): readonly string[] {
  const { model, version } = order;
  const line = lineOf(contents, model);
  const { policy, aliases, traffic } = line;
  const weight = traffic.weights[version] ?? 0;
  return [
    ...Object.entries(aliases).flatMap(([alias, to]) => (to === version ? [`alias ${alias}`] : [])),
    ...(weight > 0 ? [`a weight of ${weight}`] : []),
    ...('specific' in policy && policy.specific.includes(version) ? [`the policy (${describePolicy(policy)})`] : []),
    ...(traffic.shadow?.to === version ? ['the copies of requests (shadow)'] : []),
    ...listTargets(contents, order),
    ...listMovers(contents, order),
    ...(isAnswering(contents, line, version) ? [`requests, as the newest version and without weights`] : []),
  ];
}

function listTargets(contents: ReleaseContents, { model, version }: RemoveOrder): readonly string[] {
  return contents.lines.flatMap((line) =>
    targetsOf(line).flatMap(({ place, target }) => {
      const found = target.includes('@') ? undefined : versionOfTarget({ model: line.model, target }, contents);
      return found?.model === model && found.version === version ? [`${place} of ${line.model}`] : [];
    }),
  );
}

function listMovers(contents: ReleaseContents, { model, version, versionsOfExperiment }: RemoveOrder): readonly string[] {
  const rollouts = contents.rollouts.filter(
    (rollout) => rollout.model === model && isRunning(rollout) && [rollout.baseline, rollout.candidate].includes(version),
  );
  const experiments = runningExperiments(contents, model).filter((record) => versionsOfExperiment(record).includes(version));
  return [...rollouts.map(({ id }) => `rollout ${id}`), ...experiments.map(({ id }) => `experiment ${id}`)];
}

/** The last version of a model may go; of several the one that answers by the policy must not. */
function isAnswering(contents: ReleaseContents, line: LineRecord, version: string): boolean {
  const versions = versionsOf(contents, line.model).map((record) => record.version);
  return versions.length > 1 && weightedVersions(line.traffic).length === 0 && versionsOfPolicy(line, versions)[0] === version;
}
