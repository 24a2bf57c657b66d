import { OnnxToolsError } from '../onnx-tools-error.ts';
import { addLinear, type BertParts } from './encoder-graph.ts';

/** The layers between the first token's state and the answer, by the names of BERT's and RoBERTa's classifiers. */
const HEADS = [
  { inner: 'pooler.dense', outer: 'classifier' },
  { inner: 'classifier.dense', outer: 'classifier.out_proj' },
] as const;

/** How many classes the checkpoint's head tells apart; 0 when it has none. Throws OnnxToolsError for heads of another build. */
export function countLabels({ weights }: Pick<BertParts, 'weights'>): number {
  const head = headOf(weights);
  if (head === undefined) {
    if (weights.shapeOf('classifier.weight') === undefined) return 0;
    throw new OnnxToolsError('the weights have a classifier for tokens, expected one for whole texts or none');
  }
  const shape = weights.shapeOf(`${head.outer}.weight`);
  return shape?.length === 2 ? (shape[0] ?? 0) : 0;
}

/** Adds the classifier of whole texts: `logits` [batch, labels] FP32 from the state of the first token. */
export function addHead(parts: BertParts, { hidden, labels }: { hidden: string; labels: number }): void {
  const head = headOf(parts.weights);
  if (head === undefined) return;
  const { draft, config } = parts;
  const first = draft.add('Gather', [hidden, draft.constant('INT64', 0)], { attributes: { axis: 1 } });
  const width = config.hiddenSize;
  const pooled = draft.add('Tanh', [addLinear(parts, head.inner, { input: first, widths: [width, width] })]);
  addLinear(parts, head.outer, { input: pooled, widths: [width, labels], as: 'logits' });
}

function headOf(weights: BertParts['weights']): (typeof HEADS)[number] | undefined {
  return HEADS.find(
    ({ inner, outer }) => weights.shapeOf(`${inner}.weight`) !== undefined && weights.shapeOf(`${outer}.weight`) !== undefined,
  );
}
