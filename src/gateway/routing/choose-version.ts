import { nearestNames } from '../../core/collections/index.ts';
import { PlinthError } from '../../core/errors/index.ts';
import { isServing, type RoutedModel } from '../../core/messages/index.ts';

/**
 * Which version of a model answers: the one that is asked for, else the highest that is ready, else the highest. Throws
 * `model_not_found`, naming the nearest ones, when no model is called exactly so, and `version_not_found` when it lacks the version.
 * Aliases and weights join here.
 */
export function chooseVersion(wanted: WantedVersion, models: readonly RoutedModel[]): RoutedModel {
  const { name, version } = wanted;
  const versions = models
    .filter((candidate) => candidate.name === name)
    .toSorted((a, b) => Number(b.version) - Number(a.version));
  if (versions.length > 0) {
    const chosen =
      version === undefined ? (versions.find(isServing) ?? versions[0]) : versions.find((one) => one.version === version);
    if (chosen !== undefined) return chosen;
    const message = `The model '${name}' has no version ${version}; served: ${versions.map((one) => one.version).join(', ')}.`;
    throw new PlinthError({ code: 'version_not_found', message, param: 'version' });
  }
  throw new PlinthError({
    code: 'model_not_found',
    message: `The model '${shorten(name)}' does not exist.${hint(name, models)}`,
    param: 'model',
  });
}

/** A model's name, and a version of it where the caller insists on one. */
export interface WantedVersion {
  readonly name: string;
  readonly version?: string | undefined;
}

const LONGEST_SHOWN = 100;

function shorten(name: string): string {
  return name.length > LONGEST_SHOWN ? `${name.slice(0, LONGEST_SHOWN)}…` : name;
}

function hint(name: string, models: readonly RoutedModel[]): string {
  const names = models.map((model) => model.name);
  const near = nearestNames(name, names);
  if (near.length > 0) return ` Did you mean ${listNames(near)}?`;
  return names.length > 0 && names.length <= 5 ? ` Served here: ${listNames(names)}.` : '';
}

function listNames(names: readonly string[]): string {
  return names.map((name) => `'${name}'`).join(', ');
}
