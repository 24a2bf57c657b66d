import { PlinthError } from '../../../core/errors/index.ts';
import type { JsonObject } from '../../../core/inference/index.ts';
import type { LineRecord, ReleaseContents, RolloutRecord } from '../../../core/records/index.ts';
import { defaultTrafficPolicy } from '../../../core/traffic/index.ts';
import { auditNote, type RolloutChange } from '../choose-rollout-change.ts';
import { isRunning } from '../choose-rollout-move.ts';
import type { RolloutPlan } from '../rollout-plan.ts';

/** The rollout that is asked for. Versions are digits or, with a leading `@`, aliases. */
export interface StartWish {
  readonly model: string;
  readonly to: string;
  readonly from?: string | undefined;
  readonly plan: RolloutPlan;
}

/** What starting decides by. */
export interface StartFacts {
  readonly contents: ReleaseContents;
  /** Versions of the model that answer now. */
  readonly serving: readonly string[];
  /** Of those that answer now, the ones that generate no text; none are known when absent. */
  readonly textless?: readonly string[];
  readonly id: string;
  readonly actor: string;
  /** Unix milliseconds. */
  readonly at: number;
}

/**
 * A new rollout as one change. It pins the line's weights to the baseline, so that nothing but the rollout gives the candidate requests and
 * a rollback leaves it none; and because it writes the line, only one of two starts at the same time succeeds. Throws
 * `model_not_found`, `version_not_found`, `conflict` and `invalid_request`.
 */
export function chooseRolloutStart(wish: StartWish, facts: StartFacts): RolloutChange {
  const { contents, id, actor, at } = facts;
  const { model, plan } = wish;
  const versions = contents.versions.filter((record) => record.model === model).map(({ version }) => version);
  if (versions.length === 0)
    throw new PlinthError({ code: 'model_not_found', message: `There is no model '${model}' with versions.`, param: 'model' });
  refuseRunning(model, contents);
  const line = contents.lines.find((record) => record.model === model) ?? newLine(model);
  const candidate = findVersion(wish.to, { param: 'to', line, versions });
  const baseline = findBaseline(wish, { candidate, line, versions, serving: facts.serving });
  refuseUnanswerable(plan, {
    model,
    textless: (facts.textless ?? []).filter((version) => [baseline, candidate].includes(version)),
  });
  const rollout: RolloutRecord = {
    id,
    model,
    baseline,
    candidate,
    plan: JSON.parse(JSON.stringify(plan)) as JsonObject,
    state: 'preparing',
    step: 0,
    share: 0,
    reason: `version ${candidate} is being loaded`,
    evidence: {},
    verdicts: {},
    startedBy: actor,
    startedAt: at,
    stepStartedAt: at,
    revision: 1,
  };
  const pinned = { ...line, traffic: { ...line.traffic, weights: { [baseline]: 1 } }, revision: line.revision + 1 };
  const extra = { strategy: [...plan.strategy], weightsBefore: line.traffic.weights };
  return { rollout, line: pinned, audit: auditNote(undefined, rollout, { actor, action: 'rollout.started', extra }) };
}

/** Both versions would fail every question, and nothing would be proven. */
function refuseUnanswerable(
  { golden }: RolloutPlan,
  { model, textless }: { readonly model: string; readonly textless: readonly string[] },
): void {
  const [version] = textless;
  if (golden.length === 0 || version === undefined) return;
  throw new PlinthError({
    code: 'invalid_request',
    message: `plan.golden: version ${version} of '${model}' generates no text, so golden questions cannot be asked of it; expected none.`,
    param: 'plan.golden',
  });
}

function newLine(model: string): LineRecord {
  return { model, policy: { latest: 1 }, aliases: {}, traffic: defaultTrafficPolicy, revision: 0 };
}

function refuseRunning(model: string, { rollouts, experiments }: ReleaseContents): void {
  const rollout = rollouts.find((record) => record.model === model && isRunning(record));
  const experiment = experiments.find((record) => record.model === model && record.state === 'running');
  if (rollout !== undefined)
    throw refuse(
      `'${model}' is being rolled out already: ${rollout.id}, to version ${rollout.candidate}. Abort or promote it first.`,
    );
  if (experiment !== undefined)
    throw refuse(
      `An experiment with '${model}' is running: ${experiment.id}. Stop it first; two comparisons would blur each other.`,
    );
}

interface Known {
  readonly line: LineRecord;
  readonly versions: readonly string[];
}

function findVersion(wanted: string, { param, line, versions }: Known & { readonly param: 'to' | 'from' }): string {
  const version = wanted.startsWith('@') ? (ownValue(line.aliases, wanted.slice(1)) ?? wanted) : wanted;
  if (versions.includes(version)) return version;
  const known = versions.join(', ');
  throw new PlinthError({
    code: 'version_not_found',
    message: `${param}: '${line.model}' has no version ${wanted}; it has ${known}.`,
    param,
  });
}

function findBaseline(
  wish: StartWish,
  known: Known & { readonly candidate: string; readonly serving: readonly string[] },
): string {
  const { candidate, line } = known;
  const given = wish.from === undefined ? undefined : findVersion(wish.from, { ...known, param: 'from' });
  if (given === candidate)
    throw new PlinthError({
      code: 'invalid_request',
      message: `from and to are both version ${candidate}; a rollout goes from one version to another.`,
      param: 'to',
    });
  const preferred = preferredVersion(known);
  if (given !== undefined && given !== preferred && !(weightOf(line, given) > 0))
    throw refuse(
      `Requests of '${line.model}' go to version ${preferred}; a rollout from ${given} would move them all there at once. Leave out from, or set the weights to version ${given} first.`,
    );
  refuseThirdVersions(known, given ?? preferred);
  return given ?? preferred;
}

/**
 * The version that most requests go to: by weight, else the highest that answers. A candidate that has been added but has no weight of its own is never it: whoever rolls it out
 * wants it to begin with nothing.
 */
function preferredVersion({
  candidate,
  line,
  versions,
  serving,
}: Known & { readonly candidate: string; readonly serving: readonly string[] }): string {
  const weighed = versions.filter((version) => weightOf(line, version) > 0).toSorted(byWeight(line));
  const [heaviest] = weighed;
  if (heaviest === candidate)
    throw refuse(
      `Requests of '${line.model}' go to version ${candidate} already: there is nothing to roll out. Name the version to go to.`,
      'to',
    );
  if (heaviest !== undefined) return heaviest;
  const others = versions.filter((version) => version !== candidate).toSorted(byNumber);
  const found = others.find((version) => serving.includes(version)) ?? others[0];
  if (found === undefined)
    throw refuse(
      `'${line.model}' has no version but ${candidate}; a rollout needs one to start from. Add a version first.`,
      'to',
    );
  return found;
}

function refuseThirdVersions({ candidate, line, versions }: Known & { readonly candidate: string }, baseline: string): void {
  const third = versions.filter((version) => version !== candidate && version !== baseline && weightOf(line, version) > 0);
  if (third.length > 0)
    throw refuse(
      `'${line.model}' also has weight on version ${third.join(', ')}; a rollout shares requests between two versions. Set the weights to version ${baseline} first.`,
    );
}

function weightOf(line: LineRecord, version: string): number {
  return ownValue(line.traffic.weights, version) ?? 0;
}

function ownValue<T>(record: Readonly<Record<string, T>>, key: string): T | undefined {
  return Object.hasOwn(record, key) ? record[key] : undefined;
}

function byWeight(line: LineRecord): (a: string, b: string) => number {
  return (a, b) => weightOf(line, b) - weightOf(line, a) || byNumber(a, b);
}

/** The highest first. Digits up to eighteen, more than a number holds exactly. */
function byNumber(a: string, b: string): number {
  return b.length - a.length || (a < b ? 1 : a > b ? -1 : 0);
}

function refuse(message: string, param?: string): PlinthError {
  return new PlinthError({ code: 'conflict', message, ...(param !== undefined && { param }) });
}
