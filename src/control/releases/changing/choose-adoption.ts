import type { AuditRecord, LineRecord, ReleaseChange, VersionRecord } from '../../../core/records/index.ts';
import { compareVersions, lineOf, versionsOf, versionsOfPolicy, weightedVersions, type ReleaseView } from '../line-contents.ts';
import { chooseAddedVersion } from './choose-added-version.ts';
import { isSame } from './is-same.ts';
import { listMovers } from './check-line.ts';
import { readVersionContents } from './read-settings.ts';

/** Who adds what the configuration says. */
const CONFIGURATION = 'configuration';

/** A model as the configuration has it. */
export interface ConfiguredModel {
  readonly model: string;
  readonly reference?: string;
  /** Fields of a configured model without `name` and `source`. */
  readonly settings: unknown;
}

/** What the configuration of a model comes to in the book. */
export interface Adoption {
  readonly model: string;
  readonly version: string;
  /**
   * `reused`: a version that is there already is what the configuration says now. `held`: recorded, but something else decides who answers.
   * `refused`: nothing more can be recorded of the model; what the book says stays.
   */
  readonly outcome: 'unchanged' | 'added' | 'reused' | 'held' | 'refused';
  /** In words, for the log. */
  readonly words: string;
  readonly change?: ReleaseChange;
}

/** A version that a configuration has used again, as the audit log has it. */
export interface ReusedVersion {
  readonly version: string;
  /** The newest version that a configuration had added by then; another one since then is what a configuration said last. */
  readonly newest: string;
}

/** What else adopting decides by. */
export interface AdoptionFacts {
  /** Unix milliseconds. */
  readonly at: number;
  /** The version that answers requests without a version now, as far as is known. */
  readonly serving?: string;
  /** The newest entry of its kind. */
  readonly reused?: ReusedVersion | undefined;
}

/** What entries of the audit log on versions that are used again are about. */
export function reuseSubject(model: string): string {
  return `configuration of ${model}`;
}

/** The newest of these entries. */
export function readReused(entries: readonly AuditRecord[]): ReusedVersion | undefined {
  const { version, newest } = entries.findLast(({ action }) => action === REUSED)?.detail ?? {};
  return typeof version === 'string' && typeof newest === 'string' ? { version, newest } : undefined;
}

const REUSED = 'version.reused';

/**
 * What is to be recorded of a configured model at start. Versions never change, so the rule is:
 *
 * - A model without versions gets one from the configuration, and it answers.
 * - The configuration says what it, or that of another gateway of the book, said last: nothing happens, also when that version was removed
 *   by hand while others are there.
 * - It says something else that another version of the line is already: that one is used again. Anything else becomes the next version, added
 *   by the configuration. Either answers as soon as it is ready when the version that answers now is one of the configuration as well and
 *   nothing but the policy, or a single weight, chose it; the one before answers until then. Where somebody else's version answers, requests
 *   are spread, or a rollout or an experiment runs, it is held: without requests, to be released like any other.
 *
 * So gateways that are configured differently have one version each; whichever starts says who answers.
 */
export function chooseAdoption(view: ReleaseView, configured: ConfiguredModel, facts: AdoptionFacts): Adoption {
  const { model } = configured;
  const present = versionsOf(view, model);
  const last = lastSaid(view, model, facts.reused);
  if (last.record !== undefined && present.length > 0 && saysTheSame(last.record, configured)) {
    const { version } = last.record;
    return { model, version, outcome: 'unchanged', words: `version ${version} is what the configuration says` };
  }
  const equal = present.find((record) => saysTheSame(record, configured));
  const traffic = mayServe(view, model, last.record) ? 'serve' : 'hold';
  if (equal !== undefined) return reuse(view, equal, { traffic, last });
  const { reused: _, ...order } = facts;
  const added = chooseAddedVersion(view, { ...configured, ...order, traffic, actor: CONFIGURATION });
  const { version } = added.version;
  const { change } = added;
  if (present.length === 0)
    return { model, version, outcome: 'added', words: `version ${version} is recorded from the configuration`, change };
  const said = `the configuration has changed: it is version ${version}`;
  return added.isHeld
    ? { model, version, outcome: 'held', words: `${said}, held because others decide who answers`, change }
    : { model, version, outcome: 'added', words: `${said}, and answers when it is ready`, change };
}

interface LastSaid {
  /** The newest version that a configuration has added. */
  readonly newest: VersionRecord | undefined;
  /** The version that a configuration named last: that one, or an older one that was used again since. */
  readonly record: VersionRecord | undefined;
}

function lastSaid(view: ReleaseView, model: string, reused: ReusedVersion | undefined): LastSaid {
  const all = [...view.versions, ...view.removed].filter((record) => record.model === model);
  const newest = all
    .filter((record) => record.addedBy === CONFIGURATION)
    .toSorted((a, b) => compareVersions(b.version, a.version))[0];
  const isSince = reused !== undefined && reused.newest === (newest?.version ?? '');
  const record = isSince ? all.find(({ version }) => version === reused.version) : undefined;
  return { newest, record: record ?? newest };
}

function reuse(
  view: ReleaseView,
  { model, version }: VersionRecord,
  { traffic, last }: { readonly traffic: 'serve' | 'hold'; readonly last: LastSaid },
): Adoption {
  const before = lineOf(view, model);
  const present = versionsOf(view, model).map((record) => record.version);
  const weights = traffic === 'serve' ? weightsFor(before, present, version) : before.traffic.weights;
  const line = { ...before, traffic: { ...before.traffic, weights }, revision: before.revision + 1 };
  const isHeld = traffic === 'hold' && answeringVersion(before, present) !== version;
  const detail = { model, version, newest: last.newest?.version ?? '', isHeld, weights };
  const audit = { actor: CONFIGURATION, action: REUSED, subject: reuseSubject(model), detail };
  const who = isHeld ? 'it is held because others decide who answers' : 'it answers as soon as it is ready';
  const said = last.record?.version;
  const instead = said === undefined ? '' : `; version ${said} is what the configuration of this or another gateway said before`;
  return {
    model,
    version,
    outcome: isHeld ? 'held' : 'reused',
    words: `the configuration says what version ${version} is already: no other is added, and ${who}${instead}`,
    change: { audit, line },
  };
}

/** The one that all requests go to that name no version, as far as the line says. */
function answeringVersion(line: LineRecord, present: readonly string[]): string | undefined {
  const weighted = weightedVersions(line.traffic);
  return weighted.length === 0 ? versionsOfPolicy(line, present)[0] : weighted.length === 1 ? weighted[0] : undefined;
}

/** None where the policy picks it anyway; versions that are only kept loaded stay so. */
function weightsFor(line: LineRecord, present: readonly string[], version: string): Readonly<Record<string, number>> {
  const { weights } = line.traffic;
  if (Object.keys(weights).length === 0 && versionsOfPolicy(line, present)[0] === version) return weights;
  const idle = Object.entries(weights).filter(([other, weight]) => weight === 0 && other !== version);
  return { ...Object.fromEntries(idle), [version]: 1 };
}

function saysTheSame(record: VersionRecord, configured: ConfiguredModel): boolean {
  const { reference, settings } = readVersionContents(configured, configured.model);
  return record.reference === reference && isSame(record.settings, settings);
}

/** Whether configurations alone have decided so far who answers. */
function mayServe(view: ReleaseView, model: string, last: VersionRecord | undefined): boolean {
  const line: Pick<LineRecord, 'policy' | 'traffic'> | undefined = view.lines.find((candidate) => candidate.model === model);
  const present = versionsOf(view, model);
  if (line === undefined || present.length === 0) return true;
  if (listMovers(view, model).length > 0 || 'specific' in line.policy) return false;
  const weighted = Object.entries(line.traffic.weights).filter(([, weight]) => weight > 0);
  if (weighted.length > 1) return false;
  const answering = weighted[0]?.[0] ?? present[0]?.version;
  if (answering === last?.version) return true;
  return present.some((record) => record.version === answering && record.addedBy === CONFIGURATION);
}
