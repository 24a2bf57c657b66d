import type { LineRecord, ReleaseContents } from '../../core/records/index.ts';
import { lineOf, versionOfAlias, versionsOf } from './line-contents.ts';

/** What a target of a rule or of a fallback chain names. `model` is absent where the line itself is meant. */
interface NamedTarget {
  readonly model?: string;
  readonly version?: string;
  readonly alias?: string;
}

/** Where a model's rules and fallback chain point, as they are written, each with the place that it stands in. */
export function targetsOf({ traffic }: LineRecord): ReadonlyArray<{ readonly place: string; readonly target: string }> {
  return [
    ...traffic.rules.map((rule, i) => ({ place: `rule ${i + 1}`, target: rule.to })),
    ...traffic.fallback.map((target) => ({ place: 'the fallback chain', target })),
  ];
}

/** `3`, `@alias`, `name`, `name:3` and `name@alias`; an exact name of a model wins over the other readings of it. */
function readTarget(target: string, isModel: (name: string) => boolean): NamedTarget {
  if (/^[1-9]\d*$/.test(target)) return { version: target };
  if (target.startsWith('@')) return { alias: target.slice(1) };
  if (isModel(target)) return { model: target };
  const [, model, mark, rest] = /^(.+)([:@])([^:@]*)$/.exec(target) ?? [];
  if (model === undefined || rest === undefined) return { model: target };
  return mark === '@' ? { model, alias: rest } : { model, version: rest };
}

/** The version that a target names, where it names one and the book has it. */
export function versionOfTarget(
  { model, target }: { readonly model: string; readonly target: string },
  contents: ReleaseContents,
): { readonly model: string; readonly version: string } | undefined {
  const named = readTarget(target, (name) => contents.lines.some((line) => line.model === name));
  const owner = named.model ?? model;
  const version = named.alias === undefined ? named.version : versionOfAlias(lineOf(contents, owner), named.alias);
  return version === undefined ? undefined : { model: owner, version };
}

/** Targets of any line that lead to this alias of this model. */
export function usersOfAlias({ model, alias }: { readonly model: string; readonly alias: string }, contents: ReleaseContents) {
  const models = new Set(contents.lines.map((line) => line.model));
  return contents.lines.flatMap((line) =>
    targetsOf(line).flatMap(({ place, target }) => {
      const named = readTarget(target, (name) => models.has(name));
      const isMeant = named.alias === alias && (named.model ?? line.model) === model;
      return isMeant ? [`${place} of ${line.model}`] : [];
    }),
  );
}

/** What is wrong with a target, in words; undefined when it leads somewhere. `known` are names of models beside those of the book. */
export function findTargetFlaw(
  { model, target }: { readonly model: string; readonly target: string },
  contents: ReleaseContents,
  known: readonly string[],
): string | undefined {
  const recorded = new Set(contents.versions.map((record) => record.model));
  const models = new Set([...recorded, ...known, model]);
  const named = readTarget(target, (name) => models.has(name));
  const owner = named.model ?? model;
  if (!models.has(owner)) return `'${target}' names no model that is known`;
  if (named.model === model && named.version === undefined && named.alias === undefined)
    return `'${target}' leads to the model itself`;
  if (named.alias !== undefined) {
    const version = versionOfAlias(lineOf(contents, owner), named.alias);
    return version !== undefined ? undefined : `'${target}' names an alias that ${owner} has not`;
  }
  if (named.version === undefined) return undefined;
  const versions = versionsOf(contents, owner).map((record) => record.version);
  // A model that only a folder knows has versions that the book knows nothing of.
  if (!recorded.has(owner) && owner !== model) return undefined;
  return versions.includes(named.version)
    ? undefined
    : `'${target}' names a version that ${owner} has not (it has ${versions.join(', ') || 'none'})`;
}
