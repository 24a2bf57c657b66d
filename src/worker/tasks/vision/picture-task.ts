import type { InferenceRequest, RecognizeRequest, Tensor } from '../../../core/inference/index.ts';
import { PlinthError } from '../../../core/errors/index.ts';
import type { Capability, ModelFacts, ModelSpec } from '../../../core/models/index.ts';
import type { LoadedGraph } from '../../graph.ts';
import type { FileSummary } from './model-files.ts';

/** The request when it is about a picture; throws `unsupported_capability` for every other. */
export function requirePicture(request: InferenceRequest, facts: ModelFacts): RecognizeRequest {
  if (request.kind === 'recognize') return request;
  const message = `This model cannot do ${request.kind}; it can do: ${facts.capabilities.join(', ')}.`;
  throw new PlinthError({ code: 'unsupported_capability', message, param: 'model' });
}

/** The smallest picture: one white pixel, as PNG. */
const PIXEL =
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAACXBIWXMAAAPoAAAD6AG1e1JrAAAADElEQVQImWP4//8/AAX+Av5Y8msOAAAAAElFTkSuQmCC';

/** A request with the smallest picture. */
export function probePicture(model: string): RecognizeRequest {
  return { kind: 'recognize', id: 'probe', model, image: Buffer.from(PIXEL, 'base64'), timeLeftMs: 60_000 };
}

export interface PictureModel {
  readonly spec: ModelSpec;
  readonly graph: LoadedGraph;
  readonly summary: FileSummary;
  readonly capability: Capability;
  readonly architecture: string;
}

export function pictureFacts({ spec, graph, summary, capability, architecture }: PictureModel): ModelFacts {
  return {
    architecture,
    parameterCount: summary.parameterCount,
    quantization: graph.inputs[0]?.datatype === 'FP16' ? 'F16' : 'F32',
    fileBytes: summary.fileBytes,
    engine: graph.engine,
    contextTokens: 0,
    embeddingDimensions: 0,
    slots: spec.slots,
    capabilities: [capability],
  };
}

/** Pictures of one size, each 3 × height × width, one after the other as the batch [pictures, 3, height, width]. */
export function batchTensor(
  name: string,
  pictures: ReadonlyArray<{ readonly planes: Float32Array }>,
  { width, height }: { readonly width: number; readonly height: number },
): Tensor {
  const size = 3 * width * height;
  const batch = new Float32Array(pictures.length * size);
  pictures.forEach(({ planes }, row) => batch.set(planes, row * size));
  return floatTensor(name, [pictures.length, 3, height, width], batch);
}

/** FP32 over the same memory. */
export function floatTensor(name: string, shape: readonly number[], values: Float32Array): Tensor {
  return { name, datatype: 'FP32', shape, data: new Uint8Array(values.buffer, values.byteOffset, values.byteLength) };
}

/** The floats of an FP32 tensor. Throws `engine_failed` for another type. */
export function floatsOf(tensor: Tensor | undefined): Float32Array {
  if (tensor?.datatype !== 'FP32')
    throw new PlinthError({
      code: 'engine_failed',
      message: `The model gave ${tensor?.datatype ?? 'nothing'} where FP32 was expected.`,
    });
  const { data } = tensor;
  if (data.byteOffset % 4 === 0) return new Float32Array(data.buffer, data.byteOffset, data.byteLength / 4);
  return new Float32Array(new Uint8Array(data).buffer);
}

/** A picture model takes one input. Throws `invalid_model_file`. */
export function onlyInput(graph: LoadedGraph): LoadedGraph['inputs'][number] {
  const [input, ...others] = graph.inputs.filter((port) => !port.isOptional);
  if (input !== undefined && others.length === 0 && input.shape.length === 4 && input.datatype === 'FP32') return input;
  const found = graph.inputs.map(({ name, datatype, shape }) => `${name} ${datatype} [${shape.join(', ')}]`).join('; ');
  throw new PlinthError({
    code: 'invalid_model_file',
    message: `A picture model takes one FP32 input [batch, 3, height, width]; this one takes ${found || 'none'}.`,
  });
}
