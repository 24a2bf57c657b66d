import koffi from 'koffi';
import { PlinthError } from '../../../core/errors/index.ts';
import type { Tensor } from '../../../core/inference/index.ts';
import type { GraphPort, LoadedGraph } from '../../graph.ts';
import type { OnnxLibrary, Pointer } from '../onnx-library/index.ts';
import { checkInputs, checkOutputs } from './check-inputs.ts';
import { runFailure } from './engine-failures.ts';
import { NativeValue } from './native-value.ts';

export interface OnnxGraphParts {
  readonly library: OnnxLibrary;
  readonly pointer: Pointer;
  readonly inputs: readonly GraphPort[];
  readonly outputs: readonly GraphPort[];
  readonly engine: string;
  readonly threads: number;
}

/** A graph loaded into ONNX Runtime. Beside tensors it takes and gives native values, for state that goes from run to run. */
export class OnnxGraph implements LoadedGraph {
  readonly inputs: readonly GraphPort[];
  readonly outputs: readonly GraphPort[];
  readonly engine: string;
  readonly threads: number;
  readonly #library: OnnxLibrary;
  readonly #pointer: Pointer;
  readonly #inputPorts: ReadonlyMap<string, GraphPort>;
  readonly #outputPorts: ReadonlyMap<string, GraphPort>;
  readonly #names = new Map<string, NativeText>();
  #isClosed = false;

  constructor({ library, pointer, inputs, outputs, engine, threads }: OnnxGraphParts) {
    this.inputs = inputs;
    this.outputs = outputs;
    this.engine = engine;
    this.threads = threads;
    this.#library = library;
    this.#pointer = pointer;
    this.#inputPorts = new Map(inputs.map((port) => [port.name, port]));
    this.#outputPorts = new Map(outputs.map((port) => [port.name, port]));
    for (const { name } of [...inputs, ...outputs]) this.#names.set(name, nativeText(name));
  }

  run(inputs: readonly Tensor[], outputs: readonly string[] = this.outputs.map((port) => port.name)): readonly Tensor[] {
    checkInputs(this.#inputPorts, inputs);
    checkOutputs(this.#outputPorts, outputs);
    if (outputs.length === 0) return [];
    const given = new Map<string, NativeValue>();
    let results: readonly NativeValue[] = [];
    try {
      for (const tensor of inputs) given.set(tensor.name, this.wrap(tensor));
      results = this.runNative(given, outputs);
      return results.map((value, at) => toTensor(outputs[at] ?? '', value));
    } catch (error) {
      throw runFailure(error);
    } finally {
      for (const value of [...given.values(), ...results]) value.close();
    }
  }

  /**
   * A native value of a tensor that fits its input. The tensor's bytes must not change before the value is closed.
   * @throws PlinthError `invalid_request` when strings are not laid out as BYTES are.
   */
  wrap(tensor: Tensor): NativeValue {
    return NativeValue.of(this.#library, tensor);
  }

  /**
   * As `run`, without copies: the caller closes what it gave and what it got, at any time after the run. Names must be the graph's.
   * @throws PlinthError `invalid_request` or `engine_failed` as `run` does.
   */
  runNative(inputs: ReadonlyMap<string, NativeValue>, outputs: readonly string[]): readonly NativeValue[] {
    if (this.#isClosed) throw new PlinthError({ code: 'engine_failed', message: 'The graph is closed.' });
    const inputNames = this.#addressesOf([...inputs.keys()]);
    const outputNames = this.#addressesOf(outputs);
    const given = pointersOf([...inputs.values()].map((value) => value.pointer));
    const made = pointersOf(outputs.map(() => 0n));
    const { api } = this.#library;
    try {
      const status = api.run(this.#pointer, null, inputNames, given, inputs.size, outputNames, outputs.length, made);
      this.#library.check(status);
      return this.#adopt(made, outputs);
    } catch (error) {
      throw runFailure(error);
    }
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#library.api.releaseGraph(this.#pointer);
  }

  #adopt(made: BigUint64Array, outputs: readonly string[]): readonly NativeValue[] {
    const missing = made.indexOf(0n);
    if (missing < 0) return Array.from(made, (pointer) => NativeValue.adopt(this.#library, pointer));
    for (const pointer of made) if (pointer !== 0n) this.#library.api.releaseValue(pointer);
    const message = `The model gave no value for its output '${outputs[missing]}'.`;
    throw new PlinthError({ code: 'engine_failed', message });
  }

  #addressesOf(names: readonly string[]): BigUint64Array {
    return pointersOf(names.map((name) => this.#names.get(name)?.address ?? 0n));
  }
}

interface NativeText {
  readonly address: Pointer;
  /** Kept so that the address stays good. */
  readonly bytes: Uint8Array;
}

function nativeText(text: string): NativeText {
  const bytes = Uint8Array.from(Buffer.from(`${text}\0`, 'utf8'));
  return { address: koffi.address(bytes), bytes };
}

/** Never empty, so that it has an address. */
function pointersOf(pointers: readonly Pointer[]): BigUint64Array {
  const room = new BigUint64Array(new ArrayBuffer(Math.max(1, pointers.length) * 8), 0, pointers.length);
  room.set(pointers);
  return room;
}

function toTensor(name: string, value: NativeValue): Tensor {
  return { name, datatype: value.datatype, shape: value.shape, data: value.copyData() };
}
