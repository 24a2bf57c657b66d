import { join } from 'node:path';
import type { SequenceBatching, SequenceControl, SequenceState } from '../../../core/models/index.ts';
import { isSet, messageOf, messagesOf, numberOf, numbersOf, textOf, type ConfigMessage } from '../model-config/index.ts';
import { readDatatype, readDims } from './read-datatype.ts';
import { readPreferredSizes } from './read-dynamic-batching.ts';
import { checkFileName, refuse } from './refuse.ts';

const DEFAULT_IDLE_US = 1_000_000;
const MOST_CANDIDATES = 65_536;

export interface SequencePlace {
  /** Absolute path of the model's folder. */
  readonly folder: string;
  readonly maxBatchSize: number | undefined;
}

/** How stateful sequences keep their places; undefined when the configuration does not say. */
export function readSequenceBatching(config: ConfigMessage, place: SequencePlace): SequenceBatching | undefined {
  const message = messageOf(config, 'sequence_batching');
  if (message === undefined) return undefined;
  const controls = messagesOf(message, 'control_input').flatMap(readControls);
  const kinds = controls.map((control) => control.kind);
  const twice = kinds.find((kind, index) => kinds.indexOf(kind) !== index);
  if (twice !== undefined) throw refuse(`sequence_batching.control_input gives ${twice} to two inputs`);
  return {
    maxIdleUs: numberOf(message, 'max_sequence_idle_microseconds') || DEFAULT_IDLE_US,
    strategy: readStrategy(message, place.maxBatchSize),
    controls,
    states: messagesOf(message, 'state').map((state) => readState(state, place.folder)),
  };
}

function readStrategy(message: ConfigMessage, maxBatchSize: number | undefined): SequenceBatching['strategy'] {
  const oldest = messageOf(message, 'oldest');
  if (oldest === undefined) {
    const direct = messageOf(message, 'direct') ?? {};
    const minimumSlotUtilization = numberOf(direct, 'minimum_slot_utilization');
    if (!(minimumSlotUtilization >= 0 && minimumSlotUtilization <= 1))
      throw refuse('sequence_batching.direct.minimum_slot_utilization must be from 0 to 1');
    return { type: 'direct', maxQueueDelayUs: numberOf(direct, 'max_queue_delay_microseconds'), minimumSlotUtilization };
  }
  const maxCandidateSequences = numberOf(oldest, 'max_candidate_sequences');
  if (maxCandidateSequences < 1 || maxCandidateSequences > MOST_CANDIDATES)
    throw refuse(`sequence_batching.oldest.max_candidate_sequences must be from 1 to ${MOST_CANDIDATES}`);
  return {
    type: 'oldest',
    maxCandidateSequences,
    preferredBatchSizes: readPreferredSizes(oldest, 'sequence_batching.oldest', maxBatchSize),
    maxQueueDelayUs: numberOf(oldest, 'max_queue_delay_microseconds'),
    ordering: isSet(oldest, 'preserve_ordering') ? 'preserved' : 'free',
  };
}

const kindNames: Readonly<Record<string, SequenceControl['kind']>> = {
  CONTROL_SEQUENCE_START: 'start',
  CONTROL_SEQUENCE_READY: 'ready',
  CONTROL_SEQUENCE_END: 'end',
  CONTROL_SEQUENCE_CORRID: 'corrid',
};
const valueFields = [
  ['int32_false_true', 'INT32'],
  ['fp32_false_true', 'FP32'],
  ['bool_false_true', 'BOOL'],
] as const;

function readControls(message: ConfigMessage): readonly SequenceControl[] {
  const input = textOf(message, 'name');
  if (input === '') throw refuse('sequence_batching.control_input must have a name');
  return messagesOf(message, 'control').map((control) => readControl(control, input));
}

function readControl(message: ConfigMessage, input: string): SequenceControl {
  const field = `sequence_batching control '${input}'`;
  const kind = kindNames[textOf(message, 'kind') || 'CONTROL_SEQUENCE_START'] ?? 'start';
  const given = valueFields.filter(([name]) => numbersOf(message, name).length > 0);
  if (kind === 'corrid') {
    if (given.length > 0) throw refuse(`${field}: a correlation id has no false and true values`);
    const datatype = readDatatype(message, field);
    if (!['UINT64', 'INT64', 'UINT32', 'INT32', 'BYTES'].includes(datatype))
      throw refuse(`${field}: a correlation id has one of the types UINT64, INT64, UINT32, INT32 and STRING`);
    return { input, kind, datatype, falseValue: 0, trueValue: 0 };
  }
  const [first] = given;
  const [falseValue, trueValue, ...rest] = first === undefined ? [] : numbersOf(message, first[0]);
  if (first === undefined || given.length > 1 || falseValue === undefined || trueValue === undefined || rest.length > 0)
    throw refuse(`${field} must have exactly one of int32_false_true, fp32_false_true and bool_false_true, with two values`);
  return { input, kind, datatype: first[1], falseValue, trueValue };
}

function readState(message: ConfigMessage, folder: string): SequenceState {
  const inputName = textOf(message, 'input_name');
  const outputName = textOf(message, 'output_name');
  const field = `sequence_batching state '${inputName}'`;
  if (inputName === '' || outputName === '') throw refuse('sequence_batching.state must have input_name and output_name');
  const [initial, ...others] = messagesOf(message, 'initial_state');
  if (others.length > 0) throw refuse(`${field} has several initial states`);
  const file = initial && textOf(initial, 'data_file');
  if (file) checkFileName(file, `${field} data_file`);
  return {
    inputName,
    outputName,
    datatype: readDatatype(message, field),
    dims: startDims(message, initial, field),
    ...(file && { initialFile: join(folder, 'initial_state', file) }),
  };
}

/** Variable sizes begin at what the initial state has. */
function startDims(state: ConfigMessage, initial: ConfigMessage | undefined, field: string): readonly number[] {
  const dims = readDims(state, { field, name: 'dims' });
  const initialDims = initial === undefined ? [] : readDims(initial, { field: `${field} initial_state`, name: 'dims' });
  if (initialDims.length === 0) return dims;
  if (initialDims.length !== dims.length || dims.some((size, index) => size !== -1 && size !== initialDims[index]))
    throw refuse(`${field}: the initial state is [${initialDims.join(',')}], the state is [${dims.join(',')}]`);
  return dims;
}
