import { stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import type { Config, ModelConfig } from '../../core/config/index.ts';
import { PlinthError } from '../../core/errors/index.ts';
import type { LoadOverride } from '../../core/messages/index.ts';
import type { ModelFacts } from '../../core/models/index.ts';
import type { VersionRecord } from '../../core/records/index.ts';
import { planModel, planVersion, readEntry, refuseTwins, type ModelPlan } from './choose-model-plans.ts';
import {
  describeConfig,
  findModels,
  readDefinition,
  writeOverride,
  type FoundModel,
  type ModelDefinition,
} from '../repository/index.ts';

/** The plans of a name's versions, as they were read last. */
export interface OfferedModel {
  readonly plans: readonly ModelPlan[];
  /** Lets go of files that were sent for it; to be called when none of the plans is used any more. */
  readonly discard: () => Promise<void>;
}

/** A name that can be served. */
export interface ModelOffer {
  readonly name: string;
  /** `configured` ones are always loaded at start. */
  readonly origin: 'configured' | 'repository';
  /** Where its files lie, when they can be watched. */
  readonly found?: FoundModel;
  /** What the book may keep of it as a version; absent where its folder has versions of its own or is watched. */
  readonly recordable?: RecordableModel;
  /** Throws PlinthError when it cannot be served as it is. */
  read(override?: LoadOverride): Promise<OfferedModel>;
}

/** A configured model as a version of the book is made of it; paths are absolute. */
export interface RecordableModel extends Pick<VersionRecord, 'reference'> {
  readonly model: string;
  /** Fields of a configured model without `name` and `source`. */
  readonly settings: Omit<ModelConfig, 'name' | 'source'>;
}

export interface OfferOptions {
  readonly config: Config;
  /** A private folder for files that are sent with a load. */
  readonly privateFolder: string;
}

const discardNothing = (): Promise<void> => Promise.resolve();

/** Reads what the configuration offers, and remembers the folders that may come to hold more. */
export class ModelOffers {
  readonly #options: OfferOptions;
  readonly #folders: string[] = [];

  constructor(options: OfferOptions) {
    this.#options = options;
  }

  /** What is configured and what lies in the configured folders now. Throws `invalid_request` when two have one name. */
  async readAll(): Promise<readonly ModelOffer[]> {
    const offers: ModelOffer[] = [];
    for (const entry of this.#options.config.models) offers.push(...(await this.#readEntry(entry)));
    refuseTwins(offers.map((offer) => offer.name));
    return offers;
  }

  /** What lies in the folders now. Throws when one cannot be read, which is not the same as being empty. */
  async readFolders(): Promise<readonly ModelOffer[]> {
    const found = await Promise.all(this.#folders.map((folder) => findModels(folder)));
    return found.flat().map((model) => this.#offerFound(model));
  }

  /** The plan of a version of the book. Throws `invalid_request` for settings that are not known. */
  plan(record: VersionRecord): ModelPlan {
    return withDescription(planVersion(this.#options.config, record));
  }

  /** A name whose folder exists only in a load's files. */
  offerSent(name: string): ModelOffer {
    return this.#offerFound({ name, layout: 'versions', path: join(this.#options.privateFolder, 'nothing') });
  }

  async #readEntry(entry: string | ModelConfig): Promise<readonly ModelOffer[]> {
    const reference = typeof entry === 'string' ? entry : entry.source;
    const path = reference === undefined ? undefined : await findModelPath(reference);
    if (path === undefined) return [this.#offerPlan(typeof entry === 'string' ? readEntry(entry) : entry)];
    const found = await findModels(path);
    if (typeof entry === 'string') {
      this.#folders.push(path);
      return found.map((model) => (model.path === path ? this.#offerPath(model) : this.#offerFound(model)));
    }
    const [model, ...others] = found;
    if (model === undefined || others.length > 0) {
      const message = `The source of the model '${entry.name}' is a folder with ${found.length} models; expected one.`;
      throw new PlinthError({ code: 'invalid_request', message, param: 'models' });
    }
    const settings = { ...entry, source: model.path };
    const offer =
      model.layout === 'plain' ? this.#offerPlan(settings) : this.#offerFound({ ...model, name: entry.name }, settings);
    return [{ ...offer, origin: 'configured' }];
  }

  /** A path that is one model itself. */
  #offerPath(found: FoundModel): ModelOffer {
    const { controlMode } = this.#options.config.repository;
    const recordable = found.layout === 'plain' && controlMode !== 'poll' && recordModel(readEntry(found.path, found.name));
    return { ...this.#offerFound(found), origin: 'configured', ...(recordable && { recordable }) };
  }

  #offerPlan(model: ModelConfig): ModelOffer {
    const plan = planModel(this.#options.config, model);
    return {
      name: model.name,
      origin: 'configured',
      recordable: recordModel(model),
      read: async (override) => {
        if (override !== undefined) throw refuse(`the model '${model.name}' has no config.pbtxt that another could replace`);
        return { plans: [withDescription(plan)], discard: discardNothing };
      },
    };
  }

  #offerFound(found: FoundModel, settings: ModelConfig = readEntry(found.path, found.name)): ModelOffer {
    const base = planModel(this.#options.config, settings);
    const { name, layout, path } = found;
    return {
      name,
      origin: 'repository',
      found,
      read: async (override) => {
        if (layout === 'plain' && override === undefined) return { plans: [withDescription(base)], discard: discardNothing };
        const folder = await this.#folderFor(found, override);
        try {
          const config = override?.config;
          const definition = await readDefinition({ name, folder: folder.path, ...(config && { config }) });
          return { plans: planVersions(definition, base), discard: folder.remove };
        } catch (error) {
          await folder.remove();
          throw error instanceof PlinthError ? error : refuse(`${path} cannot be read`);
        }
      },
    };
  }

  async #folderFor(found: FoundModel, override: LoadOverride | undefined) {
    const { files } = override ?? {};
    if (files !== undefined && files.size > 0) return writeOverride(this.#options.privateFolder, files);
    if (found.layout === 'plain') throw refuse(`the model '${found.name}' has no versions that a configuration could be for`);
    return { path: found.path, remove: discardNothing };
  }
}

function recordModel(entry: ModelConfig): RecordableModel {
  const { name, source, library, ...settings } = entry;
  const hasFiles = entry.engine !== 'echo' && entry.upstream === undefined;
  return {
    model: name,
    ...(hasFiles && { reference: placeReference(source ?? name) }),
    settings: { ...settings, ...(library !== undefined && { library: resolveHome(library) }) },
  };
}

/** Paths are seen from this process's folder; another start may have another. */
function placeReference(reference: string): string {
  const isPath = /^(?:\.{1,2}$|\.{0,2}[/\\]|~[/\\]|[A-Za-z]:[/\\])/.test(reference);
  const isFile = /\.(?:gguf|onnx)$/i.test(reference) && !/^[a-z][a-z0-9+.-]+:/i.test(reference);
  return isPath || isFile ? `file:${resolveHome(reference)}` : reference;
}

function resolveHome(path: string): string {
  return resolve(/^~[/\\]/.test(path) ? join(homedir(), path.slice(2)) : path);
}

/** The absolute path when a reference is a folder or an .onnx file of this machine. */
async function findModelPath(reference: string): Promise<string | undefined> {
  const isPath =
    /^(\.{0,2}$|\.{0,2}[/\\]|~[/\\])/.test(reference) || (/\.onnx$/i.test(reference) && !/^[a-z][a-z0-9+.-]+:/i.test(reference));
  if (!isPath) return undefined;
  const path = resolveHome(reference);
  const stats = await stat(path).catch(() => undefined);
  return stats?.isDirectory() || (stats?.isFile() && /\.onnx$/i.test(path)) ? path : undefined;
}

function planVersions(definition: ModelDefinition, base: ModelPlan): readonly ModelPlan[] {
  const { name, tensors, hosting, versions } = definition;
  const replicaCount = hosting.replicaCount ?? base.replicaCount;
  const shared: ModelPlan = {
    ...withoutReference(base),
    replicaCount,
    spec: {
      ...base.spec,
      name,
      engine: 'onnx',
      task: base.named.task ?? 'tensors',
      tensors,
      onnx: chooseOnnxOptions(definition, base),
      slots: base.batchedSlots,
    },
    describe: (facts) => describeFacts(facts, { name, replicaCount, definition, base }),
  };
  const ownFolder = hosting.kind === 'operator' && { folderPath: definition.folder };
  return versions.map(({ version, filePath }) => ({
    ...shared,
    spec: { ...shared.spec, version, ...(filePath === undefined ? ownFolder : { filePath, folderPath: dirname(filePath) }) },
    ...(hosting.kind === 'ensemble' && { ensemble: describeEnsemble(shared, definition) }),
  }));
}

function withoutReference({ reference: _, ...plan }: ModelPlan): ModelPlan {
  return plan;
}

function chooseOnnxOptions({ hosting }: ModelDefinition, { spec }: ModelPlan): ModelPlan['spec']['onnx'] {
  const { executionProvider } = spec.onnx;
  if (hosting.processor === 'gpu' && executionProvider === 'cpu')
    throw refuse('instance_group.kind: KIND_GPU cannot be honoured while onnx.executionProvider is cpu');
  return { ...spec.onnx, ...hosting.onnx, ...(hosting.processor === 'cpu' && { executionProvider: 'cpu' as const }) };
}

/** A model without a configuration of its own shows the one that was read from its file. */
function withDescription(plan: ModelPlan): ModelPlan {
  const { name } = plan.spec;
  return { ...plan, describe: (facts) => describeFacts(facts, { name, replicaCount: plan.replicaCount, base: plan }) };
}

interface Described {
  readonly name: string;
  readonly replicaCount: number;
  readonly base: ModelPlan;
  readonly definition?: ModelDefinition;
}

function describeFacts(facts: ModelFacts, { name, replicaCount, base, definition }: Described): ModelFacts {
  const { tensors } = facts;
  if (tensors === undefined) return facts;
  const isOnProcessor = definition?.hosting.processor === 'cpu' || base.spec.onnx.executionProvider === 'cpu';
  const configJson = describeConfig({
    name,
    config: definition?.config ?? {},
    tensors: tensors.config,
    kind: definition?.hosting.kind ?? 'onnx',
    replicaCount,
    processor: isOnProcessor ? 'cpu' : 'gpu',
  });
  return { ...facts, tensors: { ...tensors, configJson } };
}

function describeEnsemble(plan: ModelPlan, { tensors }: ModelDefinition): ModelFacts {
  const config = { ...tensors, maxBatchSize: tensors.maxBatchSize ?? 0 };
  return plan.describe({
    architecture: 'ensemble',
    parameterCount: 0,
    quantization: '',
    fileBytes: 0,
    engine: 'ensemble',
    contextTokens: 0,
    embeddingDimensions: 0,
    slots: plan.batchedSlots,
    capabilities: ['tensors'],
    tensors: { config, platform: 'ensemble', configJson: {} },
  });
}

function refuse(message: string): PlinthError {
  return new PlinthError({ code: 'invalid_request', message });
}
