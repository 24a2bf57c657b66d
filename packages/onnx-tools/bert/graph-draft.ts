import { operation, type AttributeValue } from '../build-graph.ts';
import type { ElementType } from '../element-types.ts';
import type { NodeProto, TensorProto } from '../generated/onnx_pb.ts';
import { tensor, type ElementValue } from '../tensor-values.ts';

/** What an operation of a draft may have beside its inputs. */
interface Details {
  readonly attributes?: Readonly<Record<string, AttributeValue>>;
  /** How many outputs it has; 1 when absent. */
  readonly outputs?: number;
  /** Name of the only output; made up when absent. */
  readonly as?: string;
}

/** A graph that grows operation by operation; values get names of their own. */
export class GraphDraft {
  readonly operations: NodeProto[] = [];
  readonly initializers: TensorProto[] = [];
  readonly #constants = new Map<string, string>();

  /** Adds an operation; returns the name of its first output. */
  add(opType: string, inputs: readonly string[], details: Details = {}): string {
    return this.addAll(opType, inputs, details)[0] ?? '';
  }

  /** Adds an operation of several outputs; returns their names. */
  addAll(opType: string, inputs: readonly string[], details: Details): string[] {
    const count = details.outputs ?? 1;
    const own = `${opType.toLowerCase()}_${this.operations.length}`;
    const outputs =
      details.as === undefined
        ? Array.from({ length: count }, (_, index) => (count === 1 ? own : `${own}_${index}`))
        : [details.as];
    this.operations.push(operation(opType, inputs, { outputs, name: own, attributes: details.attributes ?? {} }));
    return outputs;
  }

  /** Adds an initializer; returns its name. */
  keep(initializer: TensorProto): string {
    this.initializers.push(initializer);
    return initializer.name;
  }

  /** A small constant, kept once: a number alone is a scalar. */
  constant(datatype: ElementType, value: ElementValue | readonly ElementValue[]): string {
    const isList = Array.isArray(value);
    const values: readonly ElementValue[] = isList ? value : [value as ElementValue];
    const key = `${datatype}:${isList ? 'list' : 'one'}:${values.join(',')}`;
    const known = this.#constants.get(key);
    if (known !== undefined) return known;
    const name = `constant_${this.#constants.size}`;
    this.#constants.set(key, name);
    return this.keep(tensor(name, datatype, { dims: isList ? [values.length] : [], values }));
  }
}
