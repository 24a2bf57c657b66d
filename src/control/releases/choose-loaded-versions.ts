import type { ReleaseContents, RolloutRecord, VersionRecord } from '../../core/records/index.ts';
import type { ModelTraffic } from '../../core/traffic/index.ts';
import { versionsWithTraffic } from './choose-model-traffic.ts';
import { describePolicy, lineOf, runningRollout, versionsOf, versionsOfPolicy } from './line-contents.ts';
import { targetsOf, versionOfTarget } from './line-targets.ts';

/** Why a version is to be loaded. */
export interface LoadReason {
  readonly kind:
    'policy' | 'alias' | 'weight' | 'shadow' | 'target' | 'rollout' | 'experiment' | 'rehearsal' | 'warm' | 'answering';
  /** `alias stable`, `the candidate of rollout r_1`. */
  readonly words: string;
}

/** A version that is to be loaded. */
export interface WantedVersion {
  readonly record: VersionRecord;
  /** All reasons in words. */
  readonly why: string;
  readonly reasons: readonly LoadReason[];
  /** It only answered before, or is kept warm: where memory is short it may make room. */
  readonly isSpare: boolean;
}

/** Everything that decides which versions of one model are loaded. */
export interface LoadFacts {
  readonly contents: ReleaseContents;
  readonly model: string;
  /** Versions that take requests now. */
  readonly ready: readonly string[];
  /** What is published of the model's traffic. */
  readonly traffic?: ModelTraffic;
  /** Versions that running experiments of the model compare, each with the experiment's id. */
  readonly experiments: ReadonlyArray<{ readonly id: string; readonly version: string }>;
  /** Versions of the model that a rehearsal in this process compares; none when absent. */
  readonly rehearsed?: readonly string[];
  /** The newest rollout of the model that was promoted, also where later ones have ended otherwise. */
  readonly promoted?: RolloutRecord;
  /** Unix milliseconds. */
  readonly now: number;
  /** How long the version before stays loaded after a promotion. */
  readonly keepWarmMs: number;
}

/** What is to be loaded, highest version first; `changesAt` is when time alone makes it another answer, in Unix milliseconds. */
export interface LoadChoice {
  readonly versions: readonly WantedVersion[];
  readonly changesAt?: number;
}

/**
 * Which versions of a model must be loaded, and why: those of the policy, of aliases, with a weight (0 too: it keeps a version loaded and gives it
 * nothing), of copies, of rules and fallback chains of any model, both of a running rollout from its start, those that an experiment
 * or a rehearsal compares, the one before a promotion for a while, and those that answer at this moment until others have taken over.
 */
export function chooseLoadedVersions(facts: LoadFacts): LoadChoice {
  const { contents, model, now } = facts;
  const warm = warmVersion(facts);
  const isWarm = warm !== undefined && warm.until > now;
  const asked = [
    ...ofLine(facts),
    ...ofTargets(facts),
    ...ofComparisons(facts),
    ...(facts.rehearsed ?? []).map((version): Asked => ({ version, kind: 'rehearsal', words: 'a rehearsal' })),
    ...(isWarm ? [warm.asked] : []),
    ...ofTraffic(facts),
  ];
  const byVersion = Map.groupBy(asked, ({ version }) => version);
  const versions = versionsOf(contents, model).flatMap((record): readonly WantedVersion[] => {
    const reasons = byVersion.get(record.version)?.map(({ kind, words }) => ({ kind, words }));
    return reasons === undefined
      ? []
      : [{ record, reasons, why: reasons.map(({ words }) => words).join(', '), isSpare: reasons.every(isSpare) }];
  });
  return { versions, ...(isWarm && { changesAt: warm.until }) };
}

function isSpare({ kind }: LoadReason): boolean {
  return kind === 'answering' || kind === 'warm';
}

interface Asked extends LoadReason {
  readonly version: string;
}

function ofLine({ contents, model }: LoadFacts): readonly Asked[] {
  const line = lineOf(contents, model);
  const versions = versionsOf(contents, model).map((record) => record.version);
  const { weights, shadow } = line.traffic;
  return [
    ...versionsOfPolicy(line, versions).map((version): Asked => ({
      version,
      kind: 'policy',
      words: `policy ${describePolicy(line.policy)}`,
    })),
    ...Object.entries(line.aliases).map(([alias, version]): Asked => ({ version, kind: 'alias', words: `alias ${alias}` })),
    ...Object.entries(weights).map(([version, weight]): Asked => ({ version, kind: 'weight', words: `a weight of ${weight}` })),
    ...(shadow === undefined ? [] : [{ version: shadow.to, kind: 'shadow', words: 'copies of requests' } as const]),
  ];
}

function ofTargets({ contents, model }: LoadFacts): readonly Asked[] {
  return contents.lines.flatMap((line) =>
    targetsOf(line).flatMap(({ place, target }): readonly Asked[] => {
      const found = versionOfTarget({ model: line.model, target }, contents);
      if (found?.model !== model) return [];
      const owner = line.model === model ? '' : ` of ${line.model}`;
      return [{ version: found.version, kind: 'target', words: `${place}${owner}` }];
    }),
  );
}

function ofComparisons({ contents, model, experiments }: LoadFacts): readonly Asked[] {
  const rollout = runningRollout(contents, model);
  const compared = experiments.map(({ id, version }): Asked => ({ version, kind: 'experiment', words: `experiment ${id}` }));
  if (rollout === undefined) return compared;
  const { id, baseline, candidate } = rollout;
  return [
    { version: baseline, kind: 'rollout', words: `the current version of rollout ${id}` },
    { version: candidate, kind: 'rollout', words: `the candidate of rollout ${id}` },
    ...compared,
  ];
}

function warmVersion({ promoted, keepWarmMs }: LoadFacts): { readonly asked: Asked; readonly until: number } | undefined {
  if (promoted?.endedAt === undefined) return undefined;
  const words = `kept warm after rollout ${promoted.id}`;
  return { asked: { version: promoted.baseline, kind: 'warm', words }, until: promoted.endedAt + keepWarmMs };
}

function ofTraffic({ traffic, ready }: LoadFacts): readonly Asked[] {
  if (traffic === undefined) return [];
  return versionsWithTraffic(traffic, ready).map((version) => ({ version, kind: 'answering', words: 'it answers requests now' }));
}
