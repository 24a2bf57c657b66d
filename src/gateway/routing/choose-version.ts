import { nearestNames } from '../../core/collections/index.ts';
import { PlinthError } from '../../core/errors/index.ts';
import type { RoutedModel } from '../../core/messages/index.ts';

/**
 * Which model answers to a name: the one that is called exactly so. Throws `model_not_found`, naming the nearest ones, when there
 * is none. A model has one version today; aliases and weights join here.
 */
export function chooseVersion(name: string, models: readonly RoutedModel[]): RoutedModel {
  const model = models.find((candidate) => candidate.name === name);
  if (model !== undefined) return model;
  throw new PlinthError({
    code: 'model_not_found',
    message: `The model '${shorten(name)}' does not exist.${hint(name, models)}`,
    param: 'model',
  });
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
