import { modelSchema } from '../../../core/config/index.ts';
import { PlinthError } from '../../../core/errors/index.ts';
import type { LineRecord, ReleaseChange, VersionRecord } from '../../../core/records/index.ts';
import { versionSchema } from '../../../core/traffic/index.ts';
import { describeReference } from '../describe-reference.ts';
import { readForm } from '../read-form.ts';
import { compareVersions, versionsOf, versionsOfPolicy, weightedVersions, type ReleaseView } from '../line-contents.ts';
import { checkRevision, checkVersion, refuseWhileMoving, type LineOrder } from './check-line.ts';
import { checkReach } from './check-reach.ts';
import { readVersionContents } from './read-settings.ts';

/** A version that is to be added. */
export interface AddOrder extends LineOrder {
  /** The next free number when absent. */
  readonly version?: string;
  /** Catalog name, source reference, absolute path or `file:`. Absent with engine `echo` and with `upstream`. */
  readonly reference?: string;
  /** Fields of a configured model without `name` and `source`; checked here. */
  readonly settings: unknown;
  readonly parent?: string;
  /** In words; `added` when absent. */
  readonly madeBy?: string;
  /**
   * `hold` (the default) gives it no request before a rollout, an experiment or a weight says so; `serve` lets it answer as soon as
   * it is ready. The first version of a model always serves.
   */
  readonly traffic?: 'hold' | 'serve';
  /** Unix milliseconds. */
  readonly at: number;
  /** The version that answers requests without a version now, as far as is known. */
  readonly serving?: string;
}

/** What adding comes to. */
export interface AddedVersion {
  readonly change: ReleaseChange;
  readonly version: VersionRecord;
  readonly line: LineRecord;
  /** It gets no requests yet. */
  readonly isHeld: boolean;
}

const MOST_VERSIONS = 256;
const MOST_MODELS = 1000;
const MOST_LETTERS = 200;
/** Of a number that is given: what is left of those that there are is for numbers that are counted up. */
const MOST_DIGITS = 15;

/**
 * The change that adds a version. Its number is above all that the model ever had, unless one is given that it never had. A held one
 * makes the weights of its line explicit in the same change, so that there is no moment at which the policy could pick it.
 * Throws `invalid_request`, `permission_denied` (see {@link checkReach}), `version_not_found` (the parent), `conflict` (the number is or
 * was taken; too many).
 */
export function chooseAddedVersion(view: ReleaseView, order: AddOrder): AddedVersion {
  const { model, actor, at } = order;
  readForm(modelSchema.shape.name, model, 'model');
  const before = checkRevision(view, order);
  const version = chooseNumber(view, order);
  const subject = `${model}:${version}`;
  const contents = readVersionContents(order, subject);
  checkReach(view, { actor, settings: contents.settings, subject });
  const { parent, madeBy = 'added' } = order;
  if (parent !== undefined && !everVersions(view, model).includes(parent))
    checkVersion(view, { model, version: parent }, `the parent of ${subject}`);
  if (madeBy.length === 0 || madeBy.length > MOST_LETTERS || /\p{Cc}/u.test(madeBy))
    throw refuse('invalid_request', `${subject}: madeBy has 1 to ${MOST_LETTERS} characters, none of them a control character.`);
  const record: VersionRecord = {
    model,
    version,
    ...contents,
    ...(parent !== undefined && { parent }),
    madeBy,
    addedBy: actor,
    addedAt: at,
  };
  const { weights, isHeld } = chooseWeights(view, before, { ...order, version });
  const line = { ...before, traffic: { ...before.traffic, weights }, revision: before.revision + 1 };
  const detail = {
    ...(contents.reference !== undefined && { source: describeReference(contents.reference) }),
    fields: Object.keys(contents.settings),
    ...(parent !== undefined && { parent }),
    madeBy,
    isHeld,
    weights,
  };
  const change = { audit: { actor, action: 'version.added', subject, detail }, addVersion: record, line };
  return { change, version: record, line, isHeld };
}

/** Numbers that a model has or had. */
function everVersions(view: ReleaseView, model: string): readonly string[] {
  return [...view.versions, ...view.removed].filter((record) => record.model === model).map((record) => record.version);
}

function chooseNumber(view: ReleaseView, { model, version }: AddOrder): string {
  const present = versionsOf(view, model).length;
  if (present >= MOST_VERSIONS)
    throw refuse('conflict', `The model '${model}' has ${present} versions, the most there may be; remove some.`);
  if (present === 0 && new Set(view.versions.map((record) => record.model)).size >= MOST_MODELS)
    throw refuse('conflict', `There are ${MOST_MODELS} models with versions, the most there may be.`);
  const taken = everVersions(view, model);
  if (version !== undefined) {
    readForm(versionSchema, version, `The version of '${model}'`);
    if (version.length > MOST_DIGITS)
      throw refuse(
        'invalid_request',
        `The version of '${model}' has ${version.length} digits; at most ${MOST_DIGITS} are taken.`,
      );
    if (!taken.includes(version)) return version;
    const isThere = view.versions.some((record) => record.model === model && record.version === version);
    const reason = isThere ? 'is there already, and versions never change' : 'was removed, and its number is never given again';
    throw refuse('conflict', `Version ${version} of '${model}' ${reason}; the next free one is ${nextNumber(taken)}.`);
  }
  return readForm(versionSchema, nextNumber(taken), `The next version of '${model}'`);
}

function nextNumber(taken: readonly string[]): string {
  const highest = taken.toSorted(compareVersions).at(-1) ?? '0';
  return String(BigInt(highest) + 1n);
}

function chooseWeights(
  view: ReleaseView,
  line: LineRecord,
  { model, version, traffic = 'hold', serving }: AddOrder & { readonly version: string },
): { readonly weights: LineRecord['traffic']['weights']; readonly isHeld: boolean } {
  const { weights } = line.traffic;
  const present = versionsOf(view, model).map((record) => record.version);
  if (present.length === 0) return { weights, isHeld: false };
  const hasWeights = Object.keys(weights).length > 0;
  if (traffic === 'hold') {
    const answering = serving !== undefined && present.includes(serving) ? serving : versionsOfPolicy(line, present)[0];
    return { weights: hasWeights ? weights : { [answering ?? present[0] ?? version]: 1 }, isHeld: true };
  }
  refuseWhileMoving(view, model);
  const weighted = weightedVersions(line.traffic);
  if (weighted.length > 1)
    throw refuse(
      'conflict',
      `The requests of '${model}' are spread over versions ${weighted.join(', ')} by weights; add the version held and give it a weight.`,
    );
  const all = [...present, version].toSorted((a, b) => compareVersions(b, a));
  const isPicked = !hasWeights && versionsOfPolicy(line, all)[0] === version;
  const loadedOnly = Object.fromEntries(Object.entries(weights).filter(([, weight]) => weight === 0));
  return { weights: isPicked ? {} : { ...loadedOnly, [version]: 1 }, isHeld: false };
}

function refuse(code: 'conflict' | 'invalid_request', message: string): PlinthError {
  return new PlinthError({ code, message });
}
