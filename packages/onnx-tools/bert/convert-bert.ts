import { readBertConfig } from './encoder-config.ts';
import { addEncoder, type BertParts } from './encoder-graph.ts';
import { addHead, countLabels } from './encoder-head.ts';
import { BertWeights } from './encoder-weights.ts';
import { buildModel, port } from '../build-graph.ts';
import type { ModelProto } from '../generated/onnx_pb.ts';
import { GraphDraft } from './graph-draft.ts';
import { writeModel } from '../onnx-file.ts';
import { OnnxToolsError } from '../onnx-tools-error.ts';
import { readSafetensors, type SafeTensors } from '../safetensors.ts';

const OPSET = 17;

/** How a converted model keeps its weights. */
export interface ConversionOptions {
  /** FP32 when absent. FP16 takes half the room on disk and is widened when the model is loaded. */
  readonly weights?: 'FP32' | 'FP16';
}

/**
 * A BERT, RoBERTa or XLM-RoBERTa checkpoint as an ONNX model: inputs `input_ids`, `attention_mask` and `token_type_ids` [batch, sequence]
 * INT64; output `last_hidden_state` [batch, sequence, hidden] FP32, or `logits` [batch, labels] FP32 where the checkpoint has a
 * classifier of whole texts. `config` is the text of config.json. Throws OnnxToolsError when config and weights do not fit each other
 * or the architecture is another one.
 */
export function convertBert(source: { config: Uint8Array; weights: SafeTensors }, options: ConversionOptions = {}): ModelProto {
  const config = readBertConfig(source.config);
  const weights = new BertWeights(source.weights);
  const draft = new GraphDraft();
  const parts: BertParts = { draft, config, weights, storage: options.weights ?? 'FP32' };
  const hidden = addEncoder(parts);
  const labels = countLabels(parts);
  if (labels > 0) addHead(parts, { hidden, labels });
  return buildModel({
    name: 'encoder',
    opset: OPSET,
    inputs: ['input_ids', 'attention_mask', 'token_type_ids'].map((name) => port(name, 'INT64', ['batch', 'sequence'])),
    outputs: [
      labels > 0 ? port('logits', 'FP32', ['batch', labels]) : port(hidden, 'FP32', ['batch', 'sequence', config.hiddenSize]),
    ],
    initializers: draft.initializers,
    operations: draft.operations,
  });
}

/**
 * Converts the files of a sentence-transformers model, by their names: `config.json` and one `*.safetensors`. Takes about three times
 * the size of the FP32 weights in memory. Throws OnnxToolsError.
 */
export function convertSentenceTransformer(
  files: ReadonlyMap<string, Uint8Array>,
  options: ConversionOptions = {},
): { onnx: Uint8Array } {
  const config = [...files].find(([name]) => /(?:^|\/)config\.json$/.test(name))?.[1];
  if (config === undefined) throw new OnnxToolsError('there is no config.json');
  const weights = [...files].filter(([name]) => name.endsWith('.safetensors'));
  const [only] = weights;
  if (only === undefined || weights.length > 1)
    throw new OnnxToolsError(`there are ${weights.length} .safetensors files, expected one`);
  return { onnx: writeModel(convertBert({ config, weights: readSafetensors(only[1]) }, options)) };
}
