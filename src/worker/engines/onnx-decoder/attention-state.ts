import { datatypeBytes } from '../../../core/inference/index.ts';
import type { NativeValue, OnnxGraph } from '../onnx/index.ts';
import type { StatePort } from './find-decoder-ports.ts';

/**
 * Keys and values of a sequence's first `tokens` tokens, as native values that go from run to run. They never change, so that several
 * slots may hold the same; the last to release them closes them.
 */
export class AttentionState {
  readonly tokens: number;
  readonly values: readonly NativeValue[];
  #holders = 1;

  constructor(values: readonly NativeValue[], tokens: number) {
    this.values = values;
    this.tokens = tokens;
  }

  hold(): this {
    this.#holders += 1;
    return this;
  }

  release(): void {
    this.#holders -= 1;
    if (this.#holders === 0) for (const value of this.values) value.close();
  }
}

/** State of no tokens. */
export function emptyState(graph: OnnxGraph, ports: readonly StatePort[]): AttentionState {
  return new AttentionState(
    ports.map((port) => stateValue(graph, port, { tokens: 0, data: new Uint8Array(0) })),
    0,
  );
}

/** A copy of the first `tokens` tokens of a longer state. */
export function cutState(graph: OnnxGraph, { ports, state, tokens }: Cut): AttentionState {
  const values = ports.map((port, at) => {
    const source = state.values[at]?.viewData() ?? new Uint8Array(0);
    const tokenBytes = port.size * datatypeBytes[port.datatype];
    const [from, to] = [state.tokens * tokenBytes, tokens * tokenBytes];
    const data = new Uint8Array(port.heads * to);
    for (let head = 0; head < port.heads; head++) data.set(source.subarray(head * from, head * from + to), head * to);
    return stateValue(graph, port, { tokens, data });
  });
  return new AttentionState(values, tokens);
}

interface Cut {
  readonly ports: readonly StatePort[];
  readonly state: AttentionState;
  readonly tokens: number;
}

function stateValue(graph: OnnxGraph, port: StatePort, { tokens, data }: { tokens: number; data: Uint8Array }): NativeValue {
  const { input: name, datatype, heads, size } = port;
  return graph.wrap({ name, datatype, shape: [1, heads, tokens, size], data });
}
