// Writes versions of an embedding model to try releases with, from the folder of an ONNX model such as minilm's:
//   node examples/make-embedding-releases.ts <folder> ./releases
// good-int8 keeps its weights as 8-bit integers with a scale for every column; broken-int8 mixes the scales up.
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { operation, readModel, tensor, writeModel, type OnnxOperation, type OnnxTensor } from '../packages/onnx-tools/index.ts';

type Scales = 'right' | 'mixed-up';
const GRAPH = join('onnx', 'model.onnx');
const FP32 = 1;

/** The model with the weights of its matrix products as int8 and one scale per column; `mixed-up` gives columns each other's scales. */
export function quantizeWeights(model: Uint8Array, scales: Scales): Uint8Array {
  const proto = readModel(model);
  const graph = proto.graph;
  if (graph === undefined) throw new Error('The model has no graph.');
  const weights = new Map(graph.initializer.map((one) => [one.name, one]));
  const added: OnnxOperation[] = [];
  for (const product of graph.node.filter((one) => one.opType === 'MatMul')) {
    const name = product.input[1] ?? '';
    const weight = weights.get(name);
    if (weight === undefined || weight.dataType !== FP32 || weight.dims.length !== 2) continue;
    graph.initializer.push(...quantize(weight, scales));
    added.push(
      operation('DequantizeLinear', [`${name}.int8`, `${name}.scale`], { outputs: [`${name}.whole`], attributes: { axis: 1n } }),
    );
    product.input[1] = `${name}.whole`;
    weights.delete(name);
  }
  graph.initializer = graph.initializer.filter((one) => weights.has(one.name) || /\.(int8|scale)$/.test(one.name));
  graph.node.unshift(...added);
  return writeModel(proto);
}

function quantize(weight: OnnxTensor, scales: Scales): readonly OnnxTensor[] {
  const [rows = 0, columns = 0] = weight.dims.map(Number);
  const values = floatsOf(weight);
  const scale = new Float32Array(columns);
  for (const [i, value] of values.entries()) scale[i % columns] = Math.max(scale[i % columns] ?? 0, Math.abs(value) / 127);
  const whole = Int8Array.from(values, (value, i) => Math.round(value / (scale[i % columns] || 1)));
  if (scales === 'mixed-up') scale.reverse();
  return [
    tensor(`${weight.name}.int8`, 'INT8', { dims: [rows, columns], values: whole }),
    tensor(`${weight.name}.scale`, 'FP32', { dims: [columns], values: scale }),
  ];
}

function floatsOf({ rawData, floatData }: OnnxTensor): Float32Array {
  if (rawData === undefined || rawData.length === 0) return Float32Array.from(floatData);
  return new Float32Array(new Uint8Array(rawData).buffer);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const [source, folder = './releases'] = process.argv.slice(2);
  if (source === undefined) throw new Error('Say which folder: node examples/make-embedding-releases.ts <folder> ./releases');
  const model = readFileSync(join(source, GRAPH));
  for (const [name, scales] of [
    ['good-int8', 'right'],
    ['broken-int8', 'mixed-up'],
  ] as const) {
    const target = join(folder, name);
    mkdirSync(target, { recursive: true });
    cpSync(source, target, { recursive: true, dereference: true, filter: (path) => !path.endsWith(GRAPH) });
    writeFileSync(join(target, GRAPH), quantizeWeights(model, scales));
  }
  process.stdout.write(`Wrote good-int8 and broken-int8 to ${folder}.\n`);
}
