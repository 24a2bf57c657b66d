import { nearestNames } from '../../core/collections/index.ts';
import { PlinthError } from '../../core/errors/index.ts';
import type { Line, RoutingTable } from './routing-table.ts';

const LONGEST_SHOWN = 100;
const MOST_SHOWN = 3;
/** What is longer is like no name. */
const LONGEST_MEANT = 1024;

/** No model has the name, nor does what stands before its `:` or `@`. */
export function unknownModel(name: string, table: RoutingTable): PlinthError {
  const message = `The model '${shorten(name)}' does not exist. ${hintOf(name, table)}`;
  return new PlinthError({ code: 'model_not_found', message, param: 'model' });
}

/** `param` is the field that named the version. */
export function missingVersion({ name, versions }: Line, version: string, param: 'model' | 'version'): PlinthError {
  const served = versions.map(({ model }) => model.version);
  const shown = served.length === 0 ? 'none is served now' : `served: ${listSome(served)}`;
  const message = `The model '${name}' has no version ${shorten(version)}; ${shown}.`;
  return new PlinthError({ code: 'version_not_found', message, param });
}

export function missingAlias({ name, traffic }: Line, alias: string): PlinthError {
  const aliases = Object.keys(traffic?.traffic.aliases ?? {});
  const near = nearestNames(alias, aliases, 1)[0];
  const known = aliases.length === 0 ? 'it has none' : `known: ${listSome(aliases.map((one) => `'${one}'`))}`;
  const hint = near === undefined ? known : `did you mean '${name}@${near}'?`;
  const message = `The model '${name}' has no alias '${shorten(alias)}'; ${hint}${hint.endsWith('?') ? '' : '.'}`;
  return new PlinthError({ code: 'version_not_found', message, param: 'model' });
}

export function unservedAlias({ name }: Line, alias: string, version: string): PlinthError {
  const message = `'${name}@${alias}' is version ${version}, which is not loaded.`;
  return new PlinthError({ code: 'version_not_found', message, param: 'model' });
}

export function twoVersions(name: string, version: string): PlinthError {
  const message = `'${shorten(name)}' and version ${shorten(version)} were asked for; name one version.`;
  return new PlinthError({ code: 'invalid_request', message, param: 'version' });
}

/** Everything that is loaded is meant to get nothing. */
export function nothingToAnswer({ name }: Line): PlinthError {
  return new PlinthError({
    code: 'model_not_ready',
    message: `No version of the model '${name}' that takes requests is loaded.`,
    param: 'model',
    retryAfterMs: 2000,
  });
}

/** The mistake is the operator's, and trying again helps as soon as it is mended. */
export function brokenRule(message: string): PlinthError {
  return new PlinthError({ code: 'model_unavailable', message, param: 'model' });
}

function hintOf(given: string, table: RoutingTable): string {
  const name = given.slice(0, LONGEST_MEANT);
  const names = [...table.values()].filter(({ versions }) => versions.length > 0).map((line) => line.name);
  const base = name.replace(/[:@][^:@]*$/, '');
  const near = nearestNames(name, names, MOST_SHOWN);
  const meant = near.length > 0 || base === name ? near : nearestNames(base, names, MOST_SHOWN);
  if (meant.length > 0) return `Did you mean ${meant.map(quote).join(', ')}?`;
  return names.length === 0 ? 'No model is served here.' : `Served here: ${listSome(names.map(quote))}.`;
}

function listSome(names: readonly string[]): string {
  return names.slice(0, MOST_SHOWN).join(', ') + (names.length > MOST_SHOWN ? ', …' : '');
}

function quote(name: string): string {
  return `'${name}'`;
}

function shorten(name: string): string {
  return name.length > LONGEST_SHOWN ? `${name.slice(0, LONGEST_SHOWN)}…` : name;
}
