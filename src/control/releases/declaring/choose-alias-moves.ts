import { endedRollout, lineOf, versionOfAlias, versionsOf, type ReleaseView } from '../line-contents.ts';
import type { ModelEntry } from './release-file.ts';

interface AliasMoves {
  readonly set: Readonly<Record<string, string>>;
  readonly remove: readonly string[];
  readonly notes: readonly string[];
}

/**
 * What the file wants of a model's aliases. An alias that the file's own rollout has taken along at its promotion stays where it is:
 * the file names the version before because it was written before.
 */
export function chooseAliasMoves(
  view: ReleaseView,
  { model, entry, others }: { readonly model: string; readonly entry: ModelEntry; readonly others: 'keep' | 'prune' },
): AliasMoves {
  const { aliases = {}, rollout } = entry;
  const line = lineOf(view, model);
  const ended = endedRollout(view, model);
  const isPromoted = rollout !== undefined && ended?.state === 'promoted' && ended.candidate === rollout.to;
  const taken = isPromoted && Array.isArray(ended.plan['aliases']) ? ended.plan['aliases'] : [];
  const isTaken = (alias: string) => taken.includes(alias) && versionOfAlias(line, alias) === rollout?.to;
  const left = Object.entries(aliases).filter(([alias, version]) => isTaken(alias) && version !== rollout?.to);
  return {
    set: Object.fromEntries(Object.entries(aliases).filter(([alias]) => !isTaken(alias))),
    remove: others === 'prune' ? Object.keys(line.aliases).filter((alias) => !Object.hasOwn(aliases, alias)) : [],
    notes: left.map(([alias]) => `alias ${alias} of ${model} stays at version ${rollout?.to}: the rollout took it along`),
  };
}

/** The versions of a model that the file does not have, where it lists versions at all. */
export function listUnnamedVersions(view: ReleaseView, model: string, { versions }: ModelEntry): readonly string[] {
  if (versions === undefined) return [];
  return versionsOf(view, model)
    .map((record) => record.version)
    .filter((version) => !Object.hasOwn(versions, version));
}
