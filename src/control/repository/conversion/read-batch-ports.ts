import type { BatchInput, BatchOutput } from '../../../core/models/index.ts';
import { messagesOf, textOf, textsOf, type ConfigMessage } from '../model-config/index.ts';
import { readDatatype } from './read-datatype.ts';
import { refuse } from './refuse.ts';

const kinds: Readonly<Record<string, BatchInput['kind']>> = {
  BATCH_ELEMENT_COUNT: 'element-count',
  BATCH_ACCUMULATED_ELEMENT_COUNT: 'accumulated-element-count',
  BATCH_ACCUMULATED_ELEMENT_COUNT_WITH_ZERO: 'accumulated-element-count-with-zero',
  BATCH_MAX_ELEMENT_COUNT_AS_SHAPE: 'max-element-count-as-shape',
  BATCH_ITEM_SHAPE: 'item-shape',
  BATCH_ITEM_SHAPE_FLATTEN: 'item-shape-flatten',
};

/** Inputs that are made from the shapes of a batch. `inputs` are the names that callers know. */
export function readBatchInputs(config: ConfigMessage, inputs: readonly string[]): readonly BatchInput[] {
  return messagesOf(config, 'batch_input').map((message, index) => {
    const field = `batch_input[${index}]`;
    const targetNames = readTargets(message, field);
    const datatype = readDatatype(message, field);
    if (datatype !== 'INT32' && datatype !== 'FP32') throw refuse(`${field} must have data type TYPE_INT32 or TYPE_FP32`);
    const kind = kinds[textOf(message, 'kind') || 'BATCH_ELEMENT_COUNT'] ?? 'element-count';
    return { kind, targetNames, datatype, sourceInput: readSource(message, field, inputs) };
  });
}

/** Outputs that are cut by the shape of an input. */
export function readBatchOutputs(config: ConfigMessage, inputs: readonly string[]): readonly BatchOutput[] {
  return messagesOf(config, 'batch_output').map((message, index) => {
    const field = `batch_output[${index}]`;
    return { targetNames: readTargets(message, field), sourceInput: readSource(message, field, inputs) };
  });
}

function readTargets(message: ConfigMessage, field: string): readonly string[] {
  const names = textsOf(message, 'target_name');
  if (names.length === 0) throw refuse(`${field} must specify 'target_name'`);
  return names;
}

function readSource(message: ConfigMessage, field: string, inputs: readonly string[]): string {
  const [source, ...others] = textsOf(message, 'source_input');
  if (source === undefined || others.length > 0) throw refuse(`${field} must have exactly one source_input`);
  if (!inputs.includes(source)) throw refuse(`${field} has the unknown source_input '${source}'`);
  return source;
}
