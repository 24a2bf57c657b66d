import type { TensorProto } from '../generated/onnx_pb.ts';
import { brainToNumber, halfToNumber, numberToHalf } from '../half-floats.ts';
import { OnnxToolsError } from '../onnx-tools-error.ts';
import type { SafeTensor, SafeTensors } from '../safetensors.ts';
import { tensor } from '../tensor-values.ts';

/** What the weights of a checkpoint may be prefixed with: the encoder's name inside a larger model. */
const PREFIXES = ['', 'bert.', 'roberta.', 'model.', '0.auto_model.'];
const ANCHOR = 'embeddings.word_embeddings.weight';

/** A matrix or vector of singles, row-major. */
export interface Weight {
  readonly shape: readonly number[];
  readonly values: Float32Array;
}

/** Takes weights of an encoder by the names that transformers gives them, and checks their shapes. */
export class BertWeights {
  readonly #tensors: SafeTensors['tensors'];
  readonly #prefix: string;

  constructor({ tensors }: SafeTensors) {
    const prefix = PREFIXES.find((candidate) => tensors.has(`${candidate}${ANCHOR}`));
    if (prefix === undefined)
      throw new OnnxToolsError(`the weights hold no tensor "${ANCHOR}": they are no BERT-family encoder's`);
    this.#tensors = tensors;
    this.#prefix = prefix;
  }

  /** The shape of a tensor, where there is one of that name. */
  shapeOf(name: string): readonly number[] | undefined {
    return this.#find(name)?.shape;
  }

  /** As singles. Throws OnnxToolsError when it is missing or has another shape. */
  take(name: string, shape: readonly number[]): Weight {
    const found = this.#find(name);
    if (found === undefined) throw new OnnxToolsError(`the weights hold no tensor "${this.#prefix}${name}"`);
    if (found.shape.length !== shape.length || found.shape.some((size, index) => size !== shape[index])) {
      throw new OnnxToolsError(
        `tensor "${found.name}" has the shape [${found.shape.join(', ')}], config.json asks for [${shape.join(', ')}]`,
      );
    }
    return { shape, values: singlesOf(found) };
  }

  /** A head has its name beside the encoder's. */
  #find(name: string): SafeTensor | undefined {
    return this.#tensors.get(`${this.#prefix}${name}`) ?? this.#tensors.get(name);
  }

  /** A linear layer's weight, which PyTorch keeps as [outputs, inputs], as [inputs, outputs]. */
  takeTransposed(name: string, [inputs, outputs]: readonly [inputs: number, outputs: number]): Weight {
    const { values } = this.take(name, [outputs, inputs]);
    const turned = new Float32Array(values.length);
    for (let row = 0; row < outputs; row++) {
      for (let column = 0; column < inputs; column++) turned[column * outputs + row] = values[row * inputs + column] ?? 0;
    }
    return { shape: [inputs, outputs], values: turned };
  }
}

/** Lays matrices of as many rows side by side; vectors one after the other. */
export function joinColumns(weights: readonly Weight[]): Weight {
  const widths = weights.map(({ shape }) => shape.at(-1) ?? 1);
  const width = widths.reduce((sum, each) => sum + each, 0);
  const rows = (weights[0]?.values.length ?? 0) / (widths[0] ?? 1);
  const values = new Float32Array(rows * width);
  let offset = 0;
  for (const [index, weight] of weights.entries()) {
    const own = widths[index] ?? 1;
    for (let row = 0; row < rows; row++) values.set(weight.values.subarray(row * own, (row + 1) * own), row * width + offset);
    offset += own;
  }
  return { shape: weights[0]?.shape.length === 1 ? [width] : [rows, width], values };
}

/** The weight as an initializer of FP32 or, rounded, FP16. */
export function initializerOf(name: string, weight: Weight, storage: 'FP32' | 'FP16'): TensorProto {
  return tensor(name, storage, { dims: weight.shape, values: storage === 'FP32' ? weight.values : halvesOf(weight.values) });
}

function singlesOf({ name, datatype, data }: SafeTensor): Float32Array {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  switch (datatype) {
    case 'FP32':
      return fill(data.length / 4, (index) => view.getFloat32(index * 4, true));
    case 'FP16':
      return fill(data.length / 2, (index) => halfToNumber(view.getUint16(index * 2, true)));
    case 'BF16':
      return fill(data.length / 2, (index) => brainToNumber(view.getUint16(index * 2, true)));
    default:
      throw new OnnxToolsError(`tensor "${name}" is of ${datatype}, expected FP32, FP16 or BF16`);
  }
}

function halvesOf(values: Float32Array): Uint16Array {
  const halves = new Uint16Array(values.length);
  for (let index = 0; index < values.length; index++) halves[index] = numberToHalf(values[index] ?? 0);
  return halves;
}

/** As `Float32Array.from`, which takes ten times as long. */
function fill(length: number, valueAt: (index: number) => number): Float32Array {
  const values = new Float32Array(length);
  for (let index = 0; index < length; index++) values[index] = valueAt(index);
  return values;
}
