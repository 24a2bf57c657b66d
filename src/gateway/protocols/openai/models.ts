import { createHash } from 'node:crypto';
import { nearestNames } from '../../../core/collections/index.ts';
import { PlinthError } from '../../../core/errors/index.ts';
import type { RoutedModel } from '../../../core/messages/index.ts';
import type { Capability } from '../../../core/models/index.ts';

const LONGEST_NAME_SHOWN = 128;
const MOST_NAMES_SHOWN = 3;

export function formatModelList(models: readonly RoutedModel[]): string {
  return `{"object":"list","data":[${models.map(formatModel).join(',')}]}`;
}

export function formatModel(model: RoutedModel): string {
  const { name, createdAt, facts } = model;
  const extra = facts === undefined || facts.contextTokens === 0 ? {} : { max_model_len: facts.contextTokens };
  return JSON.stringify({ id: name, object: 'model', created: createdAt, owned_by: 'plinth', ...extra });
}

function quote(names: readonly string[]): string {
  return names.map((name) => `'${name}'`).join(', ');
}

/** Throws `model_not_found` with the names that may have been meant. */
export function findModel(models: readonly RoutedModel[], name: string): RoutedModel {
  const model = models.find((one) => one.name === name);
  if (model !== undefined) return model;
  const shown = name.length > LONGEST_NAME_SHOWN ? `${name.slice(0, LONGEST_NAME_SHOWN)}…` : name;
  throw new PlinthError({
    code: 'model_not_found',
    message: `The model '${shown}' does not exist. ${hintOf(models, name)}`,
    param: 'model',
  });
}

const VERBS: Readonly<Record<Capability, string>> = {
  chat: 'chat',
  completion: 'complete text',
  embed: 'make embeddings',
  tools: 'use tools',
  infill: "fill in before a 'suffix'",
  tensors: 'take tensors',
  score: 'score or rank texts',
  classify: 'classify texts',
  'classify-image': 'classify pictures',
  'detect-objects': 'find objects in pictures',
  'read-text': 'read text in pictures',
  transcribe: 'transcribe speech',
  translate: 'translate speech',
};

/** Throws `unsupported_capability` when the loaded model is known to lack it. */
export function requireCapability(model: RoutedModel, capability: Capability, param: string): void {
  const known = model.facts?.capabilities;
  if (known === undefined || known.includes(capability)) return;
  const message = `The model '${model.name}' cannot ${VERBS[capability]}.`;
  throw new PlinthError({ code: 'unsupported_capability', message, param });
}

const fingerprints = new WeakMap<RoutedModel, string>();

/** Changes when the model file or the engine does. */
export function fingerprintOf(model: RoutedModel): string {
  let fingerprint = fingerprints.get(model);
  if (fingerprint === undefined) {
    const { name, createdAt, facts } = model;
    const digest = createHash('sha256').update(
      JSON.stringify([name, createdAt, facts?.engine, facts?.quantization, facts?.fileBytes]),
    );
    fingerprint = `fp_${digest.digest('hex').slice(0, 10)}`;
    fingerprints.set(model, fingerprint);
  }
  return fingerprint;
}

function hintOf(models: readonly RoutedModel[], name: string): string {
  const names = models.map((model) => model.name);
  const near = nearestNames(name, names, MOST_NAMES_SHOWN);
  if (near.length > 0) return `Did you mean ${quote(near)}?`;
  if (names.length === 0) return 'No model is served here.';
  return `Served here: ${quote(names.slice(0, MOST_NAMES_SHOWN))}${names.length > MOST_NAMES_SHOWN ? ', …' : ''}.`;
}
