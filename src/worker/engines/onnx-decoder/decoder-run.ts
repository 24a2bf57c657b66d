import type { Tensor } from '../../../core/inference/index.ts';
import type { NativeValue, OnnxGraph } from '../onnx/index.ts';
import { AttentionState } from './attention-state.ts';
import type { DecoderPorts } from './find-decoder-ports.ts';

export interface DecoderRun {
  readonly state: AttentionState;
  readonly tokens: readonly number[];
  /** Whether the logits of every token are wanted, or of the last alone. */
  readonly wanted: 'all' | 'last';
}

/** Reads tokens after a state. The caller closes the logits and releases the state that it gets. Throws PlinthError. */
export function runDecoder(
  graph: OnnxGraph,
  ports: DecoderPorts,
  { state, tokens, wanted }: DecoderRun,
): { logits: NativeValue; state: AttentionState } {
  const total = state.tokens + tokens.length;
  const fed = [
    wholeNumbers('input_ids', ports.idType, tokens),
    wholeNumbers(
      'attention_mask',
      ports.idType,
      Array.from({ length: total }, () => 1),
    ),
    wholeNumbers(
      'position_ids',
      ports.idType,
      tokens.map((_, at) => state.tokens + at),
    ),
    truthValue('use_cache_branch', state.tokens > 0),
    { ...wholeNumbers('num_logits_to_keep', 'INT64', [wanted === 'all' ? 0 : 1]), shape: [] },
  ].filter(({ name }) => name === 'input_ids' || ports.extras.has(name));
  const given = fed.map((tensor) => [tensor.name, graph.wrap(tensor)] as const);
  const states = ports.states.map((port, at) => [port.input, state.values[at]] as const).filter(isThere);
  try {
    const names = ['logits', ...ports.states.map((port) => port.output)];
    const [logits, ...present] = graph.runNative(new Map([...given, ...states]), names);
    if (logits === undefined) throw new TypeError('a run gives all outputs that it is asked for');
    return { logits, state: new AttentionState(present, total) };
  } finally {
    for (const [, value] of given) value.close();
  }
}

function isThere(entry: readonly [string, NativeValue | undefined]): entry is readonly [string, NativeValue] {
  return entry[1] !== undefined;
}

function wholeNumbers(name: string, datatype: 'INT64' | 'INT32', values: readonly number[]): Tensor {
  const array = datatype === 'INT64' ? BigInt64Array.from(values, BigInt) : Int32Array.from(values);
  return { name, datatype, shape: [1, values.length], data: new Uint8Array(array.buffer) };
}

function truthValue(name: string, value: boolean): Tensor {
  return { name, datatype: 'BOOL', shape: [1], data: Uint8Array.of(value ? 1 : 0) };
}
