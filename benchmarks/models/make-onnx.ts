import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { buildModel, operation, port, tensor, writeModel, type ModelParts } from '../../packages/onnx-tools/index.ts';
import { seededRandom } from '../harness/index.ts';

/** Gives its input back. */
const identity: ModelParts = {
  inputs: [port('INPUT0', 'FP32', ['batch', 'size'])],
  outputs: [port('OUTPUT0', 'FP32', ['batch', 'size'])],
  operations: [operation('Identity', ['INPUT0'], ['OUTPUT0'])],
};

/** Uniform, with a variance that keeps the values of every layer about as large as those before it. */
function drawWeights(name: string, dims: readonly number[], seed: number) {
  const random = seededRandom(seed);
  const fanIn = dims.length === 2 ? (dims[0] ?? 1) : dims.slice(1).reduce((product, size) => product * size, 1);
  const width = Math.sqrt(6 / fanIn);
  const elements = dims.reduce((product, size) => product * size, 1);
  return tensor(name, 'FP32', { dims, values: Float32Array.from({ length: elements }, () => (random() * 2 - 1) * width) });
}

interface PerceptronOptions {
  readonly layers: number;
  readonly width: number;
}

/** Layers of MatMul and Relu from INPUT0 [batch, width] to OUTPUT0 [batch, width]. */
function perceptron({ layers, width }: PerceptronOptions): ModelParts {
  const nameOf = (layer: number): string => (layer === 0 ? 'INPUT0' : layer === layers ? 'OUTPUT0' : `layer${layer}`);
  return {
    inputs: [port('INPUT0', 'FP32', ['batch', width])],
    outputs: [port('OUTPUT0', 'FP32', ['batch', width])],
    initializers: Array.from({ length: layers }, (_, layer) => drawWeights(`w${layer}`, [width, width], layer)),
    operations: Array.from({ length: layers }, (_, layer) => [
      operation('MatMul', [nameOf(layer), `w${layer}`], [`product${layer}`]),
      operation('Relu', [`product${layer}`], [nameOf(layer + 1)]),
    ]).flat(),
  };
}

interface ConvolutionOptions {
  readonly channels: number;
  readonly pixels: number;
  readonly blocks: number;
}

/** Blocks of 3 × 3 convolution and Relu at one size, then a mean over the picture: INPUT0 [batch, 3, pixels, pixels] to OUTPUT0 [batch, channels]. */
function convolutions({ channels, pixels, blocks }: ConvolutionOptions): ModelParts {
  const filters = Array.from({ length: blocks }, (_, block) =>
    drawWeights(`filters${block}`, [channels, block === 0 ? 3 : channels, 3, 3], block),
  );
  const layers = filters.flatMap((_, block) => {
    const from = block === 0 ? 'INPUT0' : `block${block}`;
    const attributes = { kernel_shape: [3, 3], pads: [1, 1, 1, 1], strides: block % 2 === 1 ? [2, 2] : [1, 1] };
    return [
      operation('Conv', [from, `filters${block}`], { outputs: [`conv${block}`], attributes }),
      operation('Relu', [`conv${block}`], [`block${block + 1}`]),
    ];
  });
  return {
    inputs: [port('INPUT0', 'FP32', ['batch', 3, pixels, pixels])],
    outputs: [port('OUTPUT0', 'FP32', ['batch', channels])],
    initializers: filters,
    operations: [
      ...layers,
      operation('GlobalAveragePool', [`block${blocks}`], ['mean']),
      operation('Flatten', ['mean'], ['OUTPUT0']),
    ],
  };
}

export interface RepositoryEntry {
  readonly name: string;
  readonly model: ModelParts;
  /** Text of its config.pbtxt; without it the model is served as its file says. */
  readonly config?: string;
}

/** Writes a model into a repository and returns its file's path. */
export function writeEntry(repository: string, { name, model, config }: RepositoryEntry): string {
  const folder = path.join(repository, name);
  mkdirSync(path.join(folder, '1'), { recursive: true });
  const file = path.join(folder, '1', 'model.onnx');
  writeFileSync(file, writeModel(buildModel(model)));
  if (config !== undefined) writeFileSync(path.join(folder, 'config.pbtxt'), config);
  return file;
}

export const onnxModels = { identity, perceptron, convolutions } as const;
