import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { JsonObject } from '../../core/inference/index.ts';
import type { SequenceBatching, TensorModelConfig, TensorPort, WarmupSample } from '../../core/models/index.ts';
import { chooseVersions, isVersionName } from './choose-versions.ts';
import { readModelConfig, refuse, type Hosting } from './conversion/index.ts';
import { parseConfigJson, parseConfigText, type ConfigMessage } from './model-config/index.ts';
import { findInside, readConfigText, readLabels } from './read-files.ts';

/** A model folder as Triton has it, read and checked, but for the model files themselves. */
export interface ModelDefinition {
  readonly name: string;
  /** Absolute. */
  readonly folder: string;
  readonly tensors: TensorModelConfig;
  readonly hosting: Hosting;
  /** As it was given, for who asks for the configuration. */
  readonly config: ConfigMessage;
  /** Highest first; at least one. */
  readonly versions: readonly DefinedVersion[];
}

/** One version that is to be served. `filePath` is absent for an ensemble and for an operator. */
export interface DefinedVersion {
  readonly version: string;
  readonly filePath?: string;
}

/** Where a definition is read. `config` takes the place of `config.pbtxt`. */
export interface DefinitionPlace {
  readonly name: string;
  readonly folder: string;
  readonly config?: JsonObject;
}

/** Reads a model's folder. Throws PlinthError `invalid_request` that names what cannot be served. */
export async function readDefinition({ name, folder, config }: DefinitionPlace): Promise<ModelDefinition> {
  const message = config === undefined ? await readOwnConfig(folder) : parseConfigJson(config);
  const { tensors, hosting, labelFiles } = readModelConfig(message, { name, folder });
  const outputs = await Promise.all(tensors.outputs.map((port) => withLabels(port, folder, labelFiles)));
  await checkFiles(tensors, folder);
  return {
    name,
    folder,
    tensors: { ...tensors, outputs },
    hosting,
    config: message,
    versions: await readVersions({ name, folder, hosting, hasFileName: 'default_model_filename' in message }),
  };
}

async function readOwnConfig(folder: string): Promise<ConfigMessage> {
  const text = await readConfigText(folder);
  return text === undefined ? {} : parseConfigText(text, 'config.pbtxt');
}

async function withLabels(port: TensorPort, folder: string, files: ReadonlyMap<string, string>): Promise<TensorPort> {
  const file = files.get(port.name);
  return file === undefined ? port : { ...port, labels: await readLabels(folder, file) };
}

async function checkFiles({ warmup, sequenceBatching }: TensorModelConfig, folder: string): Promise<void> {
  const paths = [...warmup.flatMap(filesOfSample), ...filesOfStates(sequenceBatching)];
  for (const path of paths) await findInside(folder, path.slice(folder.length + 1));
}

function filesOfSample({ inputs }: WarmupSample): readonly string[] {
  return inputs.flatMap(({ data }) => (data.type === 'file' ? [data.path] : []));
}

function filesOfStates(batching: SequenceBatching | undefined): readonly string[] {
  return batching?.states.flatMap(({ initialFile }) => initialFile ?? []) ?? [];
}

interface VersionsPlace {
  readonly name: string;
  readonly folder: string;
  readonly hosting: Hosting;
  readonly hasFileName: boolean;
}

async function readVersions(place: VersionsPlace): Promise<readonly DefinedVersion[]> {
  const { name, folder, hosting } = place;
  const names = await readdir(folder).catch(() => [] as string[]);
  const checks = names
    .filter(isVersionName)
    .map(async (version) => ({ version, isFolder: await isFolder(join(folder, version)) }));
  const available = (await Promise.all(checks)).filter((check) => check.isFolder).map(({ version }) => version);
  const chosen = chooseVersions(hosting.versionPolicy, available);
  if (chosen.length === 0) throw refuse(`at least one version must be available under the version policy of model '${name}'`);
  if (hosting.kind !== 'onnx') return chosen.map((version) => ({ version }));
  return Promise.all(chosen.map(async (version) => ({ version, filePath: await findModelFile(place, version) })));
}

/** The file of the configured name, or such a folder with the model and its external data, or the only `.onnx` file there is. */
async function findModelFile({ folder, hosting, hasFileName }: VersionsPlace, version: string): Promise<string> {
  const path = join(folder, version, hosting.fileName);
  const stats = await stat(path).catch(() => undefined);
  if (stats?.isFile()) return path;
  const within = stats?.isDirectory() ? path : join(folder, version);
  const [only, ...others] = (await readdir(within)).filter((file) => file.toLowerCase().endsWith('.onnx'));
  if (only !== undefined && others.length === 0 && (stats !== undefined || !hasFileName)) return join(within, only);
  throw refuse(`the model file ${version}/${hosting.fileName} does not exist`);
}

async function isFolder(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isDirectory() ?? false;
}
