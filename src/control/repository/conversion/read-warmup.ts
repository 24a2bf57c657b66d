import { join } from 'node:path';
import type { WarmupInput, WarmupSample } from '../../../core/models/index.ts';
import { isSet, mapOf, messagesOf, numberOf, textOf, type ConfigMessage } from '../model-config/index.ts';
import { readDatatype, readDims } from './read-datatype.ts';
import { checkFileName, refuse } from './refuse.ts';

const MOST_SAMPLES = 256;
const MOST_RUNS = 10_000;

/** Requests that are run before the first caller's. Files lie in the folder `warmup` of `folder`. */
export function readWarmup(config: ConfigMessage, folder: string): readonly WarmupSample[] {
  const samples = messagesOf(config, 'model_warmup');
  if (samples.length > MOST_SAMPLES) throw refuse(`model_warmup has ${samples.length} samples; at most ${MOST_SAMPLES}`);
  return samples.map((sample) => readSample(sample, folder));
}

function readSample(message: ConfigMessage, folder: string): WarmupSample {
  const name = textOf(message, 'name');
  const field = `model_warmup '${name}'`;
  const count = Math.max(1, numberOf(message, 'count'));
  const batchSize = Math.max(1, numberOf(message, 'batch_size'));
  if (count > MOST_RUNS || batchSize > MOST_RUNS) throw refuse(`${field}: count and batch_size are at most ${MOST_RUNS}`);
  const inputs = [...mapOf(message, 'inputs')].map(([input, value]) =>
    readInput(value as ConfigMessage, { name: input, field: `${field} input '${input}'`, folder }),
  );
  if (inputs.length === 0) throw refuse(`${field} has no inputs`);
  return { name, batchSize, count, inputs };
}

interface InputPlace {
  readonly name: string;
  readonly field: string;
  readonly folder: string;
}

function readInput(message: ConfigMessage, { name, field, folder }: InputPlace): WarmupInput {
  const dims = readDims(message, { field, name: 'dims' });
  if (dims.includes(-1)) throw refuse(`${field} dims must be fixed sizes`);
  return { name, datatype: readDatatype(message, field), dims, data: readData(message, field, folder) };
}

function readData(message: ConfigMessage, field: string, folder: string): WarmupInput['data'] {
  const file = textOf(message, 'input_data_file');
  if (file !== '') {
    checkFileName(file, `${field} input_data_file`);
    return { type: 'file', path: join(folder, 'warmup', file) };
  }
  if (isSet(message, 'random_data')) return { type: 'random' };
  if (isSet(message, 'zero_data')) return { type: 'zero' };
  throw refuse(`${field} must have one of zero_data, random_data and input_data_file`);
}
