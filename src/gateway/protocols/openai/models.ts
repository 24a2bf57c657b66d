import { createHash } from 'node:crypto';
import { PlinthError } from '../../../core/errors/index.ts';
import { isServing, type RoutedModel } from '../../../core/messages/index.ts';
import type { Capability } from '../../../core/models/index.ts';

/** What a list of models shows: each name once, or every way in which a version can be asked for beside it. */
export interface ModelListing {
  readonly models: readonly RoutedModel[];
  readonly shows: 'names' | 'versions';
  readonly aliases: (model: string) => Readonly<Record<string, string>>;
}

/** A line that has one version and no alias has nothing to tell apart. */
export function formatModelList({ models, shows, aliases }: ModelListing): string {
  const entries = [...Map.groupBy(models, ({ name }) => name)].flatMap(([name, versions]) => {
    const names = Object.entries(aliases(name));
    const own = formatModel(bestOf(versions), name);
    if (shows === 'names' || (versions.length < 2 && names.length === 0)) return [own];
    const numbered = versions.map((one) => formatModel(one, `${name}:${one.version}`));
    const aliased = names.flatMap(([alias, version]) => {
      const found = versions.find((one) => one.version === version);
      return found === undefined ? [] : [formatModel(found, `${name}@${alias}`)];
    });
    return [own, ...numbered, ...aliased];
  });
  return `{"object":"list","data":[${entries.join(',')}]}`;
}

/** `id` is how the version was, or can be, asked for. */
export function formatModel({ createdAt, facts }: RoutedModel, id: string): string {
  const extra = facts === undefined || facts.contextTokens === 0 ? {} : { max_model_len: facts.contextTokens };
  return JSON.stringify({ id, object: 'model', created: createdAt, owned_by: 'plinth', ...extra });
}

/** The highest that serves, else the highest. */
function bestOf(versions: readonly RoutedModel[]): RoutedModel {
  const [best] = versions.toSorted(
    (a, b) => Number(isServing(b)) - Number(isServing(a)) || Number(b.version) - Number(a.version),
  );
  if (best === undefined) throw new Error('a line has at least one version');
  return best;
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
    const { name, version, createdAt, facts } = model;
    const digest = createHash('sha256').update(
      JSON.stringify([name, version, createdAt, facts?.engine, facts?.quantization, facts?.fileBytes]),
    );
    fingerprint = `fp_${digest.digest('hex').slice(0, 10)}`;
    fingerprints.set(model, fingerprint);
  }
  return fingerprint;
}
