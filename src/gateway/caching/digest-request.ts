import { createHash, type Hash } from 'node:crypto';
import type { TensorRequest } from '../../core/inference/index.ts';

/** One text for all requests that must have the same answer: same model, same inputs, outputs and parameters, in whatever order. */
export function digestRequest(request: TensorRequest, generation: string): string {
  const hash = createHash('sha256');
  addText(hash, generation);
  for (const tensor of request.inputs.toSorted((a, b) => compare(a.name, b.name))) {
    addText(hash, JSON.stringify([tensor.name, tensor.datatype, tensor.shape, tensor.data.byteLength]));
    hash.update(tensor.data);
  }
  addText(hash, JSON.stringify(request.outputs ?? null));
  addText(hash, JSON.stringify(Object.entries(request.parameters).toSorted(([a], [b]) => compare(a, b))));
  return hash.digest('base64');
}

/** The length in front keeps two texts in a row from reading as another two. */
function addText(hash: Hash, text: string): void {
  hash.update(`${Buffer.byteLength(text)}:${text}`);
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
