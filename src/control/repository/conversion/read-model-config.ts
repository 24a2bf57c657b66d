import type { TensorModelConfig } from '../../../core/models/index.ts';
import { findUnhonoured, isSet, mapOf, messageOf, numberOf, textOf, type ConfigMessage } from '../model-config/index.ts';
import { readBatchInputs, readBatchOutputs } from './read-batch-ports.ts';
import { readDynamicBatching } from './read-dynamic-batching.ts';
import { readEnsemble } from './read-ensemble.ts';
import { readHosting, type Hosting } from './read-hosting.ts';
import { readInputs, readOutputs } from './read-ports.ts';
import { readSequenceBatching } from './read-sequence-batching.ts';
import { readWarmup } from './read-warmup.ts';
import { refuse } from './refuse.ts';

/** A configuration in the words of core. Files that it names are not looked at yet. */
export interface ReadConfig {
  readonly tensors: TensorModelConfig;
  readonly hosting: Hosting;
  /** Name of the output → file in the model's folder with the names of its classes. */
  readonly labelFiles: ReadonlyMap<string, string>;
}

/** Which model a configuration is for. */
export interface ConfigPlace {
  /** What the model is called: its folder's name. */
  readonly name: string;
  /** Absolute path of its folder. */
  readonly folder: string;
}

const MOST_BATCH = 65_536;

/**
 * Turns a ModelConfig into what is served. Throws PlinthError `invalid_request` for what contradicts itself, and for every field that
 * Plinth knows and does not honour, by its name.
 */
export function readModelConfig(config: ConfigMessage, { name, folder }: ConfigPlace): ReadConfig {
  const unhonoured = findUnhonoured(config);
  if (unhonoured !== undefined) throw refuse(`the field "${unhonoured}" is known and cannot be honoured; leave it out`);
  const ownName = textOf(config, 'name');
  if (ownName !== '' && ownName !== name)
    throw refuse(`unexpected directory name '${name}' for model '${ownName}', directory name must equal model name`);
  const hosting = readHosting(config);
  const inputs = readInputs(config);
  const { outputs, labelFiles } = readOutputs(config);
  const maxBatchSize = readMaxBatchSize(config, inputs.length + outputs.length);
  const dynamicBatching = readDynamicBatching(config, maxBatchSize);
  const sequenceBatching = readSequenceBatching(config, { folder, maxBatchSize });
  const ensembleSteps = readEnsemble(config, { inputs, outputs });
  const tensors: TensorModelConfig = {
    inputs,
    outputs,
    ...(maxBatchSize !== undefined && { maxBatchSize }),
    ...(dynamicBatching && { dynamicBatching }),
    ...(sequenceBatching && { sequenceBatching }),
    ...(ensembleSteps && { ensembleSteps }),
    ...readBatchPorts(config, inputs),
    ...readPolicies(config),
    parameters: readParameters(config),
    warmup: readWarmup(config, folder),
  };
  return { tensors, hosting, labelFiles };
}

/** Without ports and without a size the model file decides; dims that were written without a size are meant in full. */
function readMaxBatchSize(config: ConfigMessage, portCount: number): number | undefined {
  const isGiven = Object.hasOwn(config, 'max_batch_size');
  const size = numberOf(config, 'max_batch_size');
  if (size < 0) throw refuse(`'max_batch_size' must be non-negative value, got ${size}`);
  if (size > MOST_BATCH) throw refuse(`'max_batch_size' is at most ${MOST_BATCH}, got ${size}`);
  return isGiven || portCount > 0 ? size : undefined;
}

function readBatchPorts(
  config: ConfigMessage,
  inputs: TensorModelConfig['inputs'],
): Pick<TensorModelConfig, 'batchInputs' | 'batchOutputs'> {
  const names = inputs.map((port) => port.name);
  const batchInputs = readBatchInputs(config, names);
  const batchOutputs = readBatchOutputs(config, names);
  return { ...(batchInputs.length > 0 && { batchInputs }), ...(batchOutputs.length > 0 && { batchOutputs }) };
}

function readPolicies(config: ConfigMessage): Pick<TensorModelConfig, 'isDecoupled' | 'cachesResponses'> {
  const isDecoupled = isSet(messageOf(config, 'model_transaction_policy') ?? {}, 'decoupled');
  const cachesResponses = isSet(messageOf(config, 'response_cache') ?? {}, 'enable');
  if (cachesResponses && isDecoupled) throw refuse('response_cache cannot be enabled for a decoupled model');
  if (cachesResponses && messageOf(config, 'sequence_batching') !== undefined)
    throw refuse('response_cache cannot be enabled for a model with sequence_batching');
  return { ...(isDecoupled && { isDecoupled }), ...(cachesResponses && { cachesResponses }) };
}

function readParameters(config: ConfigMessage): Readonly<Record<string, string>> {
  const entries = [...mapOf(config, 'parameters')].map(
    ([key, value]) => [key, textOf(value as ConfigMessage, 'string_value')] as const,
  );
  return Object.fromEntries(entries);
}
