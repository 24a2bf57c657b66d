import { PlinthError } from '../../../core/errors/index.ts';
import type { RoutedModel } from '../../../core/messages/index.ts';
import type { Capability } from '../../../core/models/index.ts';
import { requireCapability } from '../openai/index.ts';

const MOST_NAMES_SHOWN = 3;

/**
 * The name of the only model that can do it, where a dialect lets callers leave the model out. Throws `model_not_ready` when there is
 * none, and `invalid_request` when several could be meant.
 */
export function chooseOnlyModel(models: readonly RoutedModel[], capability: Capability): string {
  const able = models.filter((model) => model.facts?.capabilities.includes(capability));
  const names = [...new Set(able.map((model) => model.name))];
  const [only] = names;
  if (only !== undefined && names.length === 1) return only;
  throw only === undefined ? nobodyCan(models, capability) : tooMany(names);
}

function nobodyCan(models: readonly RoutedModel[], capability: Capability): PlinthError {
  const [model] = models;
  if (model?.facts !== undefined) {
    try {
      requireCapability(model, capability, 'model');
    } catch (error) {
      if (error instanceof PlinthError) return error;
    }
  }
  return new PlinthError({ code: 'model_not_ready', message: 'No model that could answer this is ready.', param: 'model' });
}

function tooMany(names: readonly string[]): PlinthError {
  const shown = names.slice(0, MOST_NAMES_SHOWN).map((name) => `'${name}'`);
  const more = names.length > MOST_NAMES_SHOWN ? ', …' : '';
  const message = `Missing required parameter: 'model'; several could answer: ${shown.join(', ')}${more}.`;
  return new PlinthError({ code: 'invalid_request', message, param: 'model' });
}
