import type { LineRecord, ReleaseContents } from '../../core/records/index.ts';
import type { ModelTraffic, ShadowOrder, Sticky, TrafficArm, TrafficPurpose } from '../../core/traffic/index.ts';
import { compareVersions, lineOf, runningRollout, versionsOf, versionsOfPolicy, weightedVersions } from './line-contents.ts';

/** What a rollout or an experiment makes of a model's traffic. */
export interface ComparingTraffic {
  readonly arms: readonly TrafficArm[];
  readonly purpose: TrafficPurpose;
  readonly salt: string;
  readonly shadow?: ShadowOrder;
  /** Where it keeps requests together otherwise than the line does. */
  readonly sticky?: Sticky;
  /** Versions that answer what an arm cannot, before the targets of the line. */
  readonly fallback?: readonly string[];
}

/** Everything that decides the traffic of one model. */
export interface TrafficFacts {
  readonly contents: ReleaseContents;
  readonly model: string;
  /** Versions that take requests now. */
  readonly ready: readonly string[];
  /** Of the rollout that runs. */
  readonly rollout?: ComparingTraffic;
  /** Of the experiment that runs. */
  readonly experiment?: ComparingTraffic;
  /** What is kept for rehearsals, where anything is. */
  readonly capture?: NonNullable<ModelTraffic['capture']>;
  /** What was published last, and which versions were ready then. */
  readonly previous?: { readonly traffic: ModelTraffic; readonly ready: readonly string[] };
}

interface Division {
  readonly arms: readonly TrafficArm[];
  readonly purpose: TrafficPurpose;
  readonly salt: string;
  readonly sticky?: Sticky;
}

/**
 * Who gets the requests of a model. The first that applies decides, and replaces what the others say:
 *
 * 1. the arms of a rollout (all other weights rest until it has ended);
 * 2. the arms of an experiment;
 * 3. the weights of the line;
 * 4. its policy: no arms, and the highest version that is ready answers. Where something else keeps a higher version loaded (an alias, a
 *    fallback), the policy's own version is the only arm.
 *
 * Only versions that exist become arms, and the weights of arms have a sum above 0. When nothing that weights or policy name is ready
 * yet, those that answered before go on until it is; a version that a rollout tried is never taken for one of these. A salt stays the
 * same while weights move, so that callers keep their version.
 */
export function chooseModelTraffic(facts: TrafficFacts): ModelTraffic {
  const { contents, model, rollout, experiment, capture } = facts;
  const line = lineOf(contents, model);
  const exists = existence(contents, model);
  const division =
    fromComparison(rollout, exists) ??
    fromBaseline(contents, model, exists) ??
    fromComparison(experiment, exists) ??
    fromLine(facts, line);
  const shadow = rollout?.shadow ?? experiment?.shadow ?? shadowOf(line);
  const standIns = ((rollout ?? experiment)?.fallback ?? []).filter(exists);
  return {
    model,
    aliases: Object.fromEntries(Object.entries(line.aliases).filter(([, version]) => exists(version))),
    arms: division.arms,
    purpose: division.purpose,
    salt: division.salt,
    sticky: division.sticky ?? line.traffic.sticky,
    rules: line.traffic.rules,
    fallback: [...new Set([...standIns, ...line.traffic.fallback])],
    ...(shadow !== undefined && exists(shadow.to) && shadow.share > 0 && { shadow }),
    isObserved: rollout !== undefined || experiment !== undefined,
    ...(capture !== undefined && capture.share > 0 && { capture }),
  };
}

function existence(contents: ReleaseContents, model: string): (version: string) => boolean {
  const versions = new Set(versionsOf(contents, model).map((record) => record.version));
  return (version) => versions.has(version);
}

function fromComparison(comparing: ComparingTraffic | undefined, exists: (version: string) => boolean): Division | undefined {
  if (comparing === undefined) return undefined;
  const { purpose, salt, sticky } = comparing;
  const arms = comparing.arms.filter((arm) => exists(arm.version));
  if (!arms.some((arm) => arm.weight > 0)) return undefined;
  return { arms, purpose, salt, ...(sticky !== undefined && { sticky }) };
}

/** A rollout that runs and says nothing of use leaves everything with the version before. */
function fromBaseline(contents: ReleaseContents, model: string, exists: (version: string) => boolean): Division | undefined {
  const running = runningRollout(contents, model);
  if (running === undefined || !exists(running.baseline)) return undefined;
  const arms = [{ name: 'current', version: running.baseline, weight: 1 }];
  return { arms, purpose: { kind: 'rollout', id: running.id }, salt: running.id };
}

function fromLine(facts: TrafficFacts, line: LineRecord): Division {
  const { model, contents } = facts;
  const exists = existence(contents, model);
  const arms = Object.entries(line.traffic.weights)
    .filter(([version]) => exists(version))
    .map(([version, weight]) => armOf(version, weight));
  // A weight of 0 is an arm too: it says that the version answers nobody, also when no other can.
  const wanted = arms.some((arm) => arm.weight > 0) ? arms : armsOfPolicy(facts, line);
  const kept = isAnyReady(wanted, facts.ready) ? undefined : armsBefore(facts, exists);
  return { arms: kept ?? wanted, purpose: { kind: 'weights', id: '' }, salt: model };
}

function armOf(version: string, weight: number): TrafficArm {
  return { name: `v${version}`, version, weight };
}

function isAnyReady(arms: readonly TrafficArm[], ready: readonly string[]): boolean {
  return arms.length === 0 || arms.some((arm) => arm.weight > 0 && ready.includes(arm.version));
}

/** Empty where the highest ready version is one that the policy may have answer. */
function armsOfPolicy({ contents, model, ready }: TrafficFacts, line: LineRecord): readonly TrafficArm[] {
  const versions = versionsOf(contents, model).map((record) => record.version);
  const policy = versionsOfPolicy(line, versions);
  const answering = policy.find((version) => ready.includes(version)) ?? policy[0];
  if (answering === undefined) return [];
  const isOvertaken = ready.some((version) => !policy.includes(version) && compareVersions(version, answering) > 0);
  return isOvertaken ? [armOf(answering, 1)] : [];
}

/** Those of the versions before that still can answer; undefined when none does. */
function armsBefore({ previous, ready }: TrafficFacts, exists: (version: string) => boolean): readonly TrafficArm[] | undefined {
  if (previous === undefined || previous.traffic.purpose.kind === 'experiment') return undefined;
  const weights = new Map(previous.traffic.arms.map((arm) => [arm.version, arm.weight]));
  const arms = versionsBefore(previous)
    .filter(exists)
    .map((version) => armOf(version, weights.get(version) || 1));
  return arms.length > 0 && isAnyReady(arms, ready) ? arms : undefined;
}

/** After a rollout the one that it began with: where its candidate is not loaded yet, that goes on. The candidate itself is no proof of anything. */
function versionsBefore({ traffic, ready }: NonNullable<TrafficFacts['previous']>): readonly string[] {
  if (traffic.purpose.kind === 'weights') return versionsWithTraffic(traffic, ready);
  return traffic.arms.filter(({ name }) => name === 'current').map(({ version }) => version);
}

function shadowOf({ traffic, model }: LineRecord): ShadowOrder | undefined {
  if (traffic.shadow === undefined) return undefined;
  return { ...traffic.shadow, reference: 'none', purpose: { kind: 'weights', id: model } };
}

/** The versions that a model's traffic sends requests to now, as far as it says. */
export function versionsWithTraffic(traffic: ModelTraffic, ready: readonly string[]): readonly string[] {
  const weighted = weightedVersions({ weights: Object.fromEntries(traffic.arms.map((arm) => [arm.version, arm.weight])) });
  if (weighted.length > 0) return weighted;
  return ready.toSorted((a, b) => compareVersions(b, a)).slice(0, 1);
}
