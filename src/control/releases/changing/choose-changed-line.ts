import { PlinthError } from '../../../core/errors/index.ts';
import type { JsonObject } from '../../../core/inference/index.ts';
import type { LineRecord, ReleaseChange, ReleaseContents } from '../../../core/records/index.ts';
import { trafficPolicySchema, weightsSchema } from '../../../core/traffic/index.ts';
import { readForm } from '../read-form.ts';
import { describePolicy, versionOfAlias } from '../line-contents.ts';
import { findTargetFlaw, targetsOf, usersOfAlias } from '../line-targets.ts';
import { aliasesForm, patchTraffic, policyForm, trafficForm } from '../wire-forms.ts';
import { checkLine, checkVersion, refuseWhileMoving, type LineOrder } from './check-line.ts';
import { isSame } from './is-same.ts';

/** A line after a change of it; without `change` it is so already, and nothing is written. */
export interface ChangedLine {
  readonly line: LineRecord;
  readonly change?: ReleaseChange;
}

/** Aliases that are to point somewhere, and such that are to go. All happen in one change. */
export interface AliasOrder extends LineOrder {
  /** Alias → version. */
  readonly set?: Readonly<Record<string, unknown>>;
  readonly remove?: readonly string[];
}

const MOST_ALIASES = 64;

/** Throws `version_not_found` for a version that is not there, `not_found` for an alias that is not, `conflict` for one that a rule needs. */
export function chooseMovedAliases(contents: ReleaseContents, order: AliasOrder): ChangedLine {
  const { model, remove = [] } = order;
  const before = checkLine(contents, order);
  const set = readForm(aliasesForm, order.set ?? {}, `The aliases of '${model}'`);
  for (const [alias, version] of Object.entries(set)) checkVersion(contents, { model, version }, `alias ${alias}`);
  for (const alias of remove) checkRemoval(contents, before, { alias, set });
  const kept = Object.entries(before.aliases).filter(([alias]) => !remove.includes(alias));
  const aliases = Object.fromEntries([...kept, ...Object.entries(set)]);
  if (Object.keys(aliases).length > MOST_ALIASES)
    throw refuse('conflict', `The model '${model}' would have ${Object.keys(aliases).length} aliases, at most ${MOST_ALIASES}.`);
  const names = [...new Set([...Object.keys(before.aliases), ...Object.keys(aliases)])];
  const moves = names.flatMap((alias) => {
    const from = versionOfAlias(before, alias);
    const to = Object.hasOwn(aliases, alias) ? aliases[alias] : undefined;
    return from === to ? [] : [[alias, { ...(from !== undefined && { from }), ...(to !== undefined && { to }) }] as const];
  });
  return changeLine(
    before,
    { ...before, aliases },
    {
      ...order,
      action: 'alias.moved',
      detail: { aliases: Object.fromEntries(moves) },
      ...(remove.length > 0 && { bookRevision: contents.revision }),
    },
  );
}

function checkRemoval(
  contents: ReleaseContents,
  line: LineRecord,
  { alias, set }: { readonly alias: string; readonly set: Readonly<Record<string, string>> },
): void {
  const { model, aliases } = line;
  if (Object.hasOwn(set, alias)) throw refuse('invalid_request', `The alias '${alias}' cannot be set and removed at once.`);
  if (!Object.hasOwn(aliases, alias)) {
    const known = Object.keys(aliases);
    const has = known.length === 0 ? 'it has none' : `it has ${known.join(', ')}`;
    throw refuse('not_found', `The model '${model}' has no alias '${alias}'; ${has}.`);
  }
  const users = usersOfAlias({ model, alias }, contents);
  if (users.length > 0) throw refuse('conflict', `The alias '${alias}' of '${model}' is in use: ${users.join('; ')}.`);
}

/** What is to change of a line's traffic; what the patch leaves out stays. */
export interface TrafficOrder extends LineOrder {
  /** Checked here: `weights`, `sticky`, `rules`, `fallback`, `shadow` (null ends it). */
  readonly traffic: unknown;
  /** Names of models beside those of the book. */
  readonly known: readonly string[];
}

/**
 * Throws `invalid_request` for a malformed policy or a target that leads nowhere, `version_not_found`, and `conflict` where a rollout or
 * an experiment owns the weights that it would change.
 */
export function chooseSetTraffic(contents: ReleaseContents, order: TrafficOrder): ChangedLine {
  const { model, known } = order;
  const before = checkLine(contents, order);
  const subject = `The traffic of '${model}'`;
  const patch = readForm(trafficForm, order.traffic, subject);
  const traffic = readForm(trafficPolicySchema, patchTraffic(before.traffic, patch), subject);
  readForm(weightsSchema, traffic.weights, subject);
  for (const version of Object.keys(traffic.weights)) checkVersion(contents, { model, version }, 'weights');
  if (traffic.shadow !== undefined) checkVersion(contents, { model, version: traffic.shadow.to }, 'shadow');
  const after = { ...before, traffic };
  for (const { place, target } of targetsOf(after)) {
    const flaw = findTargetFlaw({ model, target }, contents, known);
    if (flaw !== undefined) throw refuse('invalid_request', `${subject}: ${place}: ${flaw}.`);
  }
  if (!isSame(before.traffic.weights, traffic.weights)) refuseWhileMoving(contents, model);
  const detail = { from: differing(before.traffic, traffic), to: differing(traffic, before.traffic) };
  const bookRevision = targetsOf(after).length > 0 ? { bookRevision: contents.revision } : {};
  return changeLine(before, after, { ...order, action: 'traffic.set', detail, ...bookRevision });
}

/** The fields of one policy that the other has not, or has otherwise. */
function differing(policy: LineRecord['traffic'], other: LineRecord['traffic']): JsonObject {
  const others = new Map<string, unknown>(Object.entries(other));
  const entries = Object.entries(policy).filter(([key, value]) => value !== undefined && !isSame(value, others.get(key)));
  return JSON.parse(JSON.stringify(Object.fromEntries(entries))) as JsonObject;
}

/** Which versions are to be kept loaded. */
export interface PolicyOrder extends LineOrder {
  /** Checked here: `{latest: n}`, `{all: true}` or `{specific: [version, …]}`. */
  readonly policy: unknown;
}

/** Throws `invalid_request` for a malformed policy and `version_not_found`. */
export function chooseSetPolicy(contents: ReleaseContents, order: PolicyOrder): ChangedLine {
  const { model } = order;
  const before = checkLine(contents, order);
  const policy = readForm(policyForm, order.policy, `The version policy of '${model}'`);
  if ('specific' in policy) for (const version of policy.specific) checkVersion(contents, { model, version }, 'policy');
  const detail = { from: describePolicy(before.policy), to: describePolicy(policy) };
  return changeLine(before, { ...before, policy }, { ...order, action: 'policy.set', detail });
}

interface LineAudit {
  readonly model: string;
  readonly actor: string;
  readonly action: string;
  readonly detail: JsonObject;
  /** Of the contents, where other lines than this one must still be as they were. */
  readonly bookRevision?: number;
}

function changeLine(before: LineRecord, wanted: LineRecord, order: LineAudit): ChangedLine {
  if (isSame(before, wanted)) return { line: before };
  const { model, actor, action, detail, bookRevision } = order;
  const line = { ...wanted, revision: before.revision + 1 };
  const audit = { actor, action, subject: model, detail };
  return { line, change: { audit, line, ...(bookRevision !== undefined && { bookRevision }) } };
}

function refuse(code: 'conflict' | 'invalid_request' | 'not_found', message: string): PlinthError {
  return new PlinthError({ code, message });
}
