import type { Tensor, TensorParameter } from '../../../core/inference/index.ts';
import type { TensorPort } from '../../../core/models/index.ts';
import type { OpenModel } from '../open-inference-model/index.ts';
import { encodeBytesElements, refuse, type InferenceCommand } from '../open-inference-tensors/index.ts';
import { readParameter } from './infer-body.ts';
import { InexactNumber, parseExactJson, parseJson, requireFields, type JsonFields } from './json-text.ts';
import { dataFromJson } from './json-tensors.ts';

interface Collected {
  readonly model: OpenModel;
  readonly inputs: Tensor[];
  readonly parameters: Map<string, TensorParameter>;
}

/**
 * A call from a body of plain names and values: names of inputs become tensors, at the top or inside `parameters`; all others become
 * parameters. Throws `invalid_request`.
 */
export function parseGenerateBody(body: Buffer, model: OpenModel): InferenceCommand {
  try {
    return readBody(requireFields(parseJson(body), 'request'), model);
  } catch (thrown) {
    if (!(thrown instanceof InexactNumber)) throw thrown;
  }
  try {
    return readBody(requireFields(parseExactJson(body), 'request'), model);
  } catch (thrown) {
    if (!(thrown instanceof InexactNumber)) throw thrown;
    throw refuse('a number in the request is too large');
  }
}

function readBody(fields: JsonFields, model: OpenModel): InferenceCommand {
  const found: Collected = { model, inputs: [], parameters: new Map() };
  for (const [name, value] of Object.entries(fields)) {
    if (name === 'id') continue;
    if (name === 'parameters') {
      for (const [inner, one] of Object.entries(requireFields(value, "keyword: 'parameters'"))) readOne(found, inner, one);
    } else readOne(found, name, value);
  }
  const { id } = fields;
  if (id !== undefined && typeof id !== 'string')
    throw refuse("Unable to parse 'id': attempt to access JSON non-string as string");
  return { id: id ?? '', inputs: found.inputs, outputs: [], parameters: found.parameters };
}

function readOne({ model, inputs, parameters }: Collected, name: string, value: unknown): void {
  const port = model.inputs.find((one) => one.name === name);
  if (port !== undefined && (model.kind === 'tensors' || name === 'text_input')) {
    inputs.push(toTensor(port, value, model.maxBatchSize));
  } else if (model.kind !== 'tensors' && Array.isArray(value)) {
    inputs.push(toTexts(name, value));
  } else parameters.set(name, readParameter(name, value));
}

/** Options of language models stay as they came, because callers send them in several types. */
function toTexts(name: string, values: readonly unknown[]): Tensor {
  const texts = values.map((value) => {
    if (typeof value !== 'string') throw refuse(`Unable to parse '${name}': attempt to access JSON non-string as string`);
    return value;
  });
  return { name, datatype: 'BYTES', shape: [texts.length], data: encodeBytesElements(texts) };
}

function toTensor(port: TensorPort, value: unknown, maxBatchSize: number): Tensor {
  const values: readonly unknown[] = Array.isArray(value) ? value : [value];
  const dims = maxBatchSize > 0 ? [-1, ...port.dims] : port.dims;
  const head = { name: port.name, datatype: port.datatype, shape: fitShape(port.name, dims, values.length) };
  return { ...head, data: dataFromJson(head, values) };
}

/** Spreads a number of values over dimensions: the innermost open one takes what the fixed ones leave, the others become 1. */
function fitShape(name: string, dims: readonly number[], count: number): number[] {
  const fixed = dims.reduce((product, size) => (size === -1 ? product : product * size), 1);
  let rest = fixed === 0 ? 1 : count / fixed;
  const shape = dims
    .toReversed()
    .map((size) => {
      if (size !== -1) return size;
      const taken = rest;
      rest = 1;
      return taken;
    })
    .toReversed();
  if (rest !== 1 || !shape.every(Number.isInteger))
    throw refuse(`The schema can not convert input '${name}' to tensor with proper shape`);
  return shape;
}
