import { PlinthError } from '../../../core/errors/index.ts';
import type { TensorDatatype } from '../../../core/inference/index.ts';
import type { GraphPort } from '../../graph.ts';

/** Attention state of one layer: [1, heads, tokens, size], in through `input`, out through `output`. */
export interface StatePort {
  readonly input: string;
  readonly output: string;
  readonly datatype: TensorDatatype;
  readonly heads: number;
  readonly size: number;
}

export interface DecoderPorts {
  readonly states: readonly StatePort[];
  readonly idType: 'INT64' | 'INT32';
  /** 0 when the graph leaves it open. */
  readonly vocabularySize: number;
  /** Inputs beside `input_ids` and the states that this graph has. */
  readonly extras: ReadonlySet<string>;
}

const FLOATS: readonly TensorDatatype[] = ['FP32', 'FP16', 'BF16'];
const STATE_INPUT = /^past_key_values\.(\d+)\.(key|value)$/;
/** Inputs that this engine knows how to fill. */
const KNOWN_EXTRAS = new Set(['attention_mask', 'position_ids', 'use_cache_branch', 'num_logits_to_keep']);

/**
 * The parts of an exported causal language model with attention state.
 * @throws PlinthError `invalid_model_file` that names what the graph lacks or has too much of.
 */
export function findDecoderPorts(inputs: readonly GraphPort[], outputs: readonly GraphPort[]): DecoderPorts {
  const ids = inputs.find(({ name }) => name === 'input_ids');
  const logits = outputs.find(({ name }) => name === 'logits');
  if (ids === undefined || logits === undefined) throw refuse(`it needs an input 'input_ids' and an output 'logits'`);
  if (ids.datatype !== 'INT64' && ids.datatype !== 'INT32')
    throw refuse(`its 'input_ids' are ${ids.datatype}, not INT64 or INT32`);
  if (logits.shape.length !== 3) throw refuse(`its 'logits' have ${logits.shape.length} dimensions, not 3`);
  if (!FLOATS.includes(logits.datatype)) throw refuse(`its 'logits' are ${logits.datatype}, no float`);
  const stateInputs = inputs.filter(({ name }) => STATE_INPUT.test(name));
  if (stateInputs.length === 0)
    throw refuse(`it has no inputs 'past_key_values.0.key' and so on, so every token would cost a whole prompt`);
  const others = inputs.filter((port) => port !== ids && !stateInputs.includes(port) && !port.isOptional);
  const foreign = others.find(({ name }) => !KNOWN_EXTRAS.has(name));
  if (foreign !== undefined) throw refuse(`its input '${foreign.name}' is not one of a decoder of text`);
  return {
    states: stateInputs.map((port) => stateOf(port, outputs)),
    idType: ids.datatype,
    vocabularySize: Math.max(0, logits.shape[2] ?? 0),
    extras: new Set(others.map(({ name }) => name)),
  };
}

function stateOf({ name, datatype, shape }: GraphPort, outputs: readonly GraphPort[]): StatePort {
  const output = name.replace('past_key_values', 'present');
  if (!outputs.some((port) => port.name === output)) throw refuse(`it has an input '${name}' without an output '${output}'`);
  const [, heads = -1, , size = -1] = shape;
  if (shape.length !== 4 || heads < 1 || size < 1) {
    throw refuse(`its input '${name}' has shape [${shape}], not [batch, heads, tokens, size] with known heads and size`);
  }
  if (datatype !== 'FP32' && datatype !== 'FP16' && datatype !== 'BF16')
    throw refuse(`its input '${name}' is ${datatype}, no float`);
  return { input: name, output, datatype, heads, size };
}

function refuse(reason: string): PlinthError {
  return new PlinthError({ code: 'invalid_model_file', message: `The graph cannot be served as a language model: ${reason}.` });
}
