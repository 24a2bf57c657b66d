import type { RoutedModel } from '../../core/messages/index.ts';
import type { ModelTraffic, RouteChoice } from '../../core/traffic/index.ts';
import { chooseArm, scoreArms, type ScoredArm } from './choose-arm.ts';
import { chooseRule, valuesOf, type Asker, type Traits } from './choose-rule.ts';
import type { CompiledTraffic } from './compile-traffic.ts';
import { readReference, readTarget, type ModelReference } from './model-reference.ts';
import {
  brokenRule,
  missingAlias,
  missingVersion,
  nothingToAnswer,
  twoVersions,
  unknownModel,
  unservedAlias,
} from './refusals.ts';
import type { Line, LineVersion, RoutingTable } from './routing-table.ts';
import { unitOf, type Unit } from './unit-of.ts';

/** The model that a request names and what traffic may go by. */
export interface RouteWish extends Traits {
  /** `name`, `name:3` or `name@alias`. */
  readonly name: string;
  /** Digits; where it came apart from the name. */
  readonly version?: string | undefined;
}

/** A chosen version, and why. */
export interface Routed {
  readonly model: RoutedModel;
  readonly choice: RouteChoice;
}

/** What a choice depends on besides the request. */
export interface RouteFacts {
  readonly table: RoutingTable;
  readonly asker: Asker;
  /** 0 ≤ random < 1. */
  readonly random: number;
}

const MOST_HOPS = 4;

/**
 * Which version answers. In this order: the version or alias that the request names (an exact model name wins over reading `name:3` or
 * `name@alias` in it); the first rule that applies; the arms by their weights; the highest version that is ready, else the highest.
 * An arm without weight gets nothing. Throws `model_not_found`, `version_not_found`, `invalid_request` for two versions at once,
 * `model_not_ready` when nothing may answer and `model_unavailable` for rules that lead nowhere.
 */
export function chooseVersion(wish: RouteWish, facts: RouteFacts): Routed {
  const { line, version, alias } = readWish(wish, facts.table);
  if (version !== undefined) return chooseAsked(line, version, wish.version === undefined ? 'model' : 'version');
  const search = { wish, facts, trail: [] };
  if (alias === undefined) return chooseByTraffic(line, search);
  return chooseAlias(line, alias, (refusal) => fallBack(line, refusal, search));
}

/** As {@link chooseVersion} for requests from inside: what they name, without rules and arms; else the version with the most weight. */
export function chooseSteadyVersion(wish: RouteWish, table: RoutingTable): Routed {
  const { line, version, alias } = readWish(wish, table);
  if (version !== undefined) return chooseAsked(line, version, wish.version === undefined ? 'model' : 'version');
  if (alias !== undefined) return chooseAlias(line, alias, refuse);
  const { steady } = line;
  if (steady === undefined) throw line.versions.length === 0 ? unknownModel(wish.name, table) : nothingToAnswer(line);
  return { model: steady.model, choice: steady.asked };
}

/**
 * Where a model's fallback target leads; undefined when that is not loaded. Of a model without version it is the one with the most weight:
 * whoever cannot be answered is no test of a candidate.
 */
export function chooseFallback(target: string, own: string, table: RoutingTable): Routed | undefined {
  const reference = readTarget(target, own, (name) => table.has(name));
  const line = reference === undefined ? undefined : table.get(reference.name);
  if (reference === undefined || line === undefined) return undefined;
  const found = findVersion(line, reference);
  if (found === undefined) return undefined;
  const { name, version } = found.model;
  return { model: found.model, choice: { model: name, version, by: 'fallback', detail: `${own} → ${target}` } };
}

function findVersion(line: Line, { version, alias }: ModelReference): LineVersion | undefined {
  if (version !== undefined) return line.byVersion.get(version);
  if (alias === undefined) return line.steady;
  const aliased = aliasesOf(line)[alias];
  return aliased === undefined ? undefined : line.byVersion.get(aliased);
}

function readWish(wish: RouteWish, table: RoutingTable): { line: Line; version: string | undefined; alias: string | undefined } {
  const reference = readReference(wish.name, (name) => table.has(name));
  const line = reference === undefined ? undefined : table.get(reference.name);
  if (reference === undefined || line === undefined) throw unknownModel(wish.name, table);
  if (wish.version === undefined) return { line, version: reference.version, alias: reference.alias };
  if (reference.alias !== undefined || (reference.version ?? wish.version) !== wish.version)
    throw twoVersions(wish.name, wish.version);
  return { line, version: wish.version, alias: undefined };
}

function chooseAsked(line: Line, version: string, param: 'model' | 'version'): Routed {
  const found = line.byVersion.get(version);
  if (found === undefined) throw missingVersion(line, version, param);
  return { model: found.model, choice: found.asked };
}

/** `otherwise` answers for a version that is not loaded. */
function chooseAlias(line: Line, alias: string, otherwise: (refusal: () => Error) => Routed): Routed {
  const version = aliasesOf(line)[alias];
  if (version === undefined) throw missingAlias(line, alias);
  const found = line.byVersion.get(version);
  if (found === undefined) return otherwise(() => unservedAlias(line, alias, version));
  return { model: found.model, choice: { model: line.name, version, by: 'alias', detail: `@${alias}` } };
}

function refuse(refusal: () => Error): never {
  throw refusal();
}

/** Without a prototype's members: names come from callers. */
function aliasesOf({ traffic }: Line): Readonly<Record<string, string | undefined>> {
  return Object.assign(Object.create(null), traffic?.traffic.aliases);
}

interface Search {
  readonly wish: RouteWish;
  readonly facts: RouteFacts;
  /** Rules that have led here, in words, with the model that each belongs to. */
  readonly trail: ReadonlyArray<{ readonly model: string; readonly rule: string }>;
}

function chooseByTraffic(line: Line, search: Search): Routed {
  const { traffic } = line;
  if (traffic === undefined) return chooseHighest(line, search);
  const rule = chooseRule(traffic.rules, search.wish, search.facts.asker);
  if (rule >= 0) return followRule(line, search, { index: rule, to: traffic.rules[rule]?.to ?? '' });
  if (traffic.arms.length === 0) return chooseHighest(line, search);
  return chooseByWeight(line, traffic, search);
}

function followRule(line: Line, search: Search, rule: { readonly index: number; readonly to: string }): Routed {
  const { table } = search.facts;
  const said = `rule ${rule.index + 1} of '${line.name}' → ${rule.to}`;
  const trail = [...search.trail, { model: line.name, rule: said }];
  const detail = trail.map((step) => step.rule).join('; ');
  const reference = readTarget(rule.to, line.name, (name) => table.has(name));
  const target = reference === undefined ? undefined : table.get(reference.name);
  if (reference === undefined || target === undefined) throw brokenRule(`The ${said} leads to no model.`);
  if (reference.version === undefined && reference.alias === undefined) {
    if (trail.some(({ model }) => model === target.name)) throw brokenRule(`Rules lead in a circle: ${detail}.`);
    if (trail.length > MOST_HOPS) throw brokenRule(`More than ${MOST_HOPS} rules in a row: ${detail}.`);
    const { model, choice } = chooseByTraffic(target, { ...search, trail });
    return { model, choice: choice.by === 'rule' ? choice : { ...choice, by: 'rule', detail } };
  }
  const found = findVersion(target, reference);
  if (found === undefined) return fallBack(line, () => brokenRule(`The ${said} leads to a version that is not loaded.`), search);
  return { model: found.model, choice: { model: target.name, version: found.model.version, by: 'rule', detail } };
}

function chooseByWeight(line: Line, traffic: CompiledTraffic, search: Search): Routed {
  const unit = unitFor(traffic.traffic, search);
  const scored = scoreArms(traffic.arms, unit, (arm) => line.byVersion.get(arm.version)?.isServing === true);
  const best = chooseLoaded(line, scored);
  const found = best === undefined ? undefined : line.byVersion.get(best.arm.version);
  if (best === undefined || found === undefined) return chooseHighest(line, search, { unit, scored });
  const { purpose } = traffic.traffic;
  const { name, version } = best.arm;
  const passed = passedOver(scored, best);
  const choice: RouteChoice = {
    model: line.name,
    version,
    arm: name,
    purpose,
    by: purpose.kind,
    ...(passed === undefined ? {} : { detail: `version ${passed.arm.version} does not serve` }),
    unit: unit.id,
    scores: scored.map(showScore),
  };
  return { model: found.model, choice };
}

/** What is on its way up is waited for; what is not loaded at all is not. */
function chooseLoaded({ byVersion }: Line, scored: readonly ScoredArm[]): ScoredArm | undefined {
  const best = chooseArm(scored);
  if (best === undefined || byVersion.has(best.arm.version)) return best;
  return chooseArm(scored.filter(({ arm }) => byVersion.has(arm.version)));
}

/** The arm that would have won if its version served. */
function passedOver(scored: readonly ScoredArm[], best: ScoredArm): ScoredArm | undefined {
  return scored.find((one) => !one.isServing && best.isServing && one.arm.weight > 0 && one.score > best.score);
}

function showScore({ arm, score, isServing }: ScoredArm): NonNullable<RouteChoice['scores']>[number] {
  return { version: arm.version, weight: arm.weight, score, isServing };
}

function chooseHighest(
  line: Line,
  search: Search,
  weighed?: { readonly unit: Unit; readonly scored: readonly ScoredArm[] },
): Routed {
  const { highest, traffic } = line;
  if (highest === undefined)
    return fallBack(
      line,
      () => (line.versions.length === 0 ? unknownModel(search.wish.name, search.facts.table) : nothingToAnswer(line)),
      search,
    );
  if (weighed !== undefined) {
    const detail = 'no version with weight is loaded';
    const scores = weighed.scored.map(showScore);
    return { model: highest.model, choice: { ...highest.highest, detail, unit: weighed.unit.id, scores } };
  }
  if (traffic?.traffic.isObserved !== true) return { model: highest.model, choice: highest.highest };
  return { model: highest.model, choice: { ...highest.highest, unit: unitFor(traffic.traffic, search).id } };
}

/** The first of a model's fallback targets that serves; refuses when none does. */
function fallBack({ name, traffic }: Line, refusal: () => Error, { facts }: Search): Routed {
  for (const target of traffic?.traffic.fallback ?? []) {
    const routed = chooseFallback(target, name, facts.table);
    if (routed !== undefined && facts.table.get(routed.model.name)?.byVersion.get(routed.model.version)?.isServing === true)
      return routed;
  }
  throw refusal();
}

/** What the request has in common with those that it shall share a version with; its caller where it does not say. */
function unitFor({ salt, sticky }: ModelTraffic, { wish, facts }: Search): Unit {
  const { keyId, headers } = facts.asker;
  const named = sticky.by === 'header' ? valuesOf(sticky.header.toLowerCase(), headers).join('\n') : '';
  const conversation = sticky.by === 'conversation' ? valuesOf('x-conversation-id', headers).join('\n') : '';
  if (sticky.by === 'request') return unitOf({ salt, kind: 'request', value: String(facts.random) });
  if (named !== '') return unitOf({ salt, kind: 'header', value: named });
  if (conversation !== '') return unitOf({ salt, kind: 'conversation', value: conversation });
  const beginning = sticky.by === 'conversation' ? (wish.conversation?.() ?? '') : '';
  if (beginning !== '') return unitOf({ salt, kind: 'beginning', value: `${keyId}\n${beginning}` });
  return unitOf({ salt, kind: 'caller', value: keyId });
}
