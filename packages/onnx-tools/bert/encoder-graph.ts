import type { BertConfig } from './encoder-config.ts';
import { initializerOf, joinColumns, type BertWeights, type Weight } from './encoder-weights.ts';
import type { GraphDraft } from './graph-draft.ts';

const LOWEST_FP32 = -3.4028234663852886e38;

/** What a part of the graph is built from. */
export interface BertParts {
  readonly draft: GraphDraft;
  readonly config: BertConfig;
  readonly weights: BertWeights;
  /** Type of the weights in the file; they are computed with as FP32. */
  readonly storage: 'FP32' | 'FP16';
}

/**
 * Adds the encoder over the values `input_ids`, `attention_mask`, `token_type_ids` [batch, sequence] INT64; returns the name of the last
 * hidden state [batch, sequence, hidden] FP32, always the same. As transformers computes it without dropout; the scale of attention
 * is folded into the query.
 */
export function addEncoder(parts: BertParts): string {
  const { config } = parts;
  const mask = addMask(parts.draft);
  let hidden = addEmbeddings(parts);
  for (let layer = 0; layer < config.layers; layer++) {
    const prefix = `encoder.layer.${layer}.`;
    const attended = addAttention(parts, prefix, { hidden, mask });
    const joined = parts.draft.add('Add', [attended, hidden]);
    const normal = addNorm(parts, `${prefix}attention.output.LayerNorm`, { input: joined });
    const inner = addLinear(parts, `${prefix}intermediate.dense`, {
      input: normal,
      widths: [config.hiddenSize, config.innerSize],
    });
    const active = addActivation(parts, inner);
    const outer = addLinear(parts, `${prefix}output.dense`, { input: active, widths: [config.innerSize, config.hiddenSize] });
    const isLast = layer === config.layers - 1;
    hidden = addNorm(parts, `${prefix}output.LayerNorm`, {
      input: parts.draft.add('Add', [outer, normal]),
      ...(isLast ? { as: 'last_hidden_state' } : {}),
    });
  }
  return hidden;
}

/** 0 where a token counts and the lowest number where it is padding, as [batch, 1, 1, sequence]. */
function addMask(draft: GraphDraft): string {
  const ones = draft.add('Cast', ['attention_mask'], { attributes: { to: 1 } });
  const padding = draft.add('Sub', [draft.constant('FP32', 1), ones]);
  const low = draft.add('Mul', [padding, draft.constant('FP32', LOWEST_FP32)]);
  return draft.add('Unsqueeze', [low, draft.constant('INT64', [1, 2])]);
}

function addEmbeddings(parts: BertParts): string {
  const { draft, config } = parts;
  const width = config.hiddenSize;
  const words = keep(parts, 'embeddings.word_embeddings.weight', [config.vocabularySize, width]);
  const types = keep(parts, 'embeddings.token_type_embeddings.weight', [config.tokenTypes, width]);
  const word = draft.add('Gather', [words, 'input_ids']);
  const type = draft.add('Gather', [types, 'token_type_ids']);
  const sum = draft.add('Add', [draft.add('Add', [word, type]), addPositions(parts)]);
  return addNorm(parts, 'embeddings.LayerNorm', { input: sum });
}

function addPositions(parts: BertParts): string {
  const { draft, config } = parts;
  const table = keep(parts, 'embeddings.position_embeddings.weight', [config.positions, config.hiddenSize]);
  if (config.positionIds.kind === 'plain') {
    const length = draft.add('Shape', ['input_ids'], { attributes: { start: 1, end: 2 } });
    return draft.add('Slice', [table, draft.constant('INT64', [0]), length]);
  }
  const paddingId = draft.constant('INT64', config.positionIds.paddingId);
  const isPadding = draft.add('Equal', ['input_ids', paddingId]);
  const counts = draft.add('Cast', [draft.add('Not', [isPadding])], { attributes: { to: 7 } });
  const nth = draft.add('Mul', [draft.add('CumSum', [counts, draft.constant('INT64', 1)]), counts]);
  return draft.add('Gather', [table, draft.add('Add', [nth, paddingId])]);
}

function addAttention(parts: BertParts, prefix: string, from: { hidden: string; mask: string }): string {
  const { draft, config } = parts;
  const width = config.hiddenSize;
  const joined = joinedProjections(parts, `${prefix}attention.self.`);
  const product = draft.add('MatMul', [from.hidden, addWeight(parts, `${prefix}attention.self.qkv.weight`, joined.weight)]);
  const all = draft.add('Add', [product, addWeight(parts, `${prefix}attention.self.qkv.bias`, joined.bias)]);
  const [query = '', key = '', value = ''] = draft.addAll('Split', [all, draft.constant('INT64', [width, width, width])], {
    outputs: 3,
    attributes: { axis: -1 },
  });
  const heads = draft.constant('INT64', [0, 0, config.heads, width / config.heads]);
  const turn = (input: string, perm: readonly number[]) =>
    draft.add('Transpose', [draft.add('Reshape', [input, heads])], { attributes: { perm } });
  const scores = draft.add('MatMul', [turn(query, [0, 2, 1, 3]), turn(key, [0, 2, 3, 1])]);
  const shares = draft.add('Softmax', [draft.add('Add', [scores, from.mask])], { attributes: { axis: -1 } });
  const mixed = draft.add('Transpose', [draft.add('MatMul', [shares, turn(value, [0, 2, 1, 3])])], {
    attributes: { perm: [0, 2, 1, 3] },
  });
  const flat = draft.add('Reshape', [mixed, draft.constant('INT64', [0, 0, width])]);
  return addLinear(parts, `${prefix}attention.output.dense`, { input: flat, widths: [width, width] });
}

/** Query, key and value as one product. */
function joinedProjections({ config, weights }: BertParts, prefix: string): { weight: Weight; bias: Weight } {
  const width = config.hiddenSize;
  const scale = 1 / Math.sqrt(width / config.heads);
  const scaled = ({ shape, values }: Weight, name: string) => ({
    shape,
    values: name === 'query' ? values.map((one) => one * scale) : values,
  });
  const names = ['query', 'key', 'value'];
  return {
    weight: joinColumns(names.map((name) => scaled(weights.takeTransposed(`${prefix}${name}.weight`, [width, width]), name))),
    bias: joinColumns(names.map((name) => scaled(weights.take(`${prefix}${name}.bias`, [width]), name))),
  };
}

function addActivation({ draft, config }: BertParts, input: string): string {
  const number = (value: number) => draft.constant('FP32', value);
  switch (config.activation) {
    case 'relu':
      return draft.add('Relu', [input]);
    case 'silu':
      return draft.add('Mul', [input, draft.add('Sigmoid', [input])]);
    case 'gelu': {
      const error = draft.add('Erf', [draft.add('Div', [input, number(Math.SQRT2)])]);
      return draft.add('Mul', [draft.add('Mul', [input, draft.add('Add', [error, number(1)])]), number(0.5)]);
    }
    case 'gelu-tanh': {
      const cube = draft.add('Mul', [draft.add('Pow', [input, number(3)]), number(0.044715)]);
      const bent = draft.add('Tanh', [draft.add('Mul', [draft.add('Add', [input, cube]), number(Math.sqrt(2 / Math.PI))])]);
      return draft.add('Mul', [draft.add('Mul', [input, number(0.5)]), draft.add('Add', [bent, number(1)])]);
    }
  }
}

/** A product with a matrix of the checkpoint, and its bias. */
export function addLinear(
  parts: BertParts,
  name: string,
  { input, widths, as }: { input: string; widths: readonly [inputs: number, outputs: number]; as?: string },
): string {
  const weight = addWeight(parts, `${name}.weight`, parts.weights.takeTransposed(`${name}.weight`, widths));
  const bias = keep(parts, `${name}.bias`, [widths[1]]);
  return parts.draft.add('Add', [parts.draft.add('MatMul', [input, weight]), bias], as === undefined ? {} : { as });
}

function addNorm(parts: BertParts, name: string, { input, as }: { input: string; as?: string }): string {
  const { hiddenSize, epsilon } = parts.config;
  const inputs = [input, keep(parts, `${name}.weight`, [hiddenSize]), keep(parts, `${name}.bias`, [hiddenSize])];
  const attributes = { axis: -1, epsilon: { floats: epsilon } };
  return parts.draft.add('LayerNormalization', inputs, as === undefined ? { attributes } : { attributes, as });
}

function keep(parts: BertParts, name: string, shape: readonly number[]): string {
  return addWeight(parts, name, parts.weights.take(name, shape));
}

function addWeight({ draft, storage }: BertParts, name: string, weight: Weight): string {
  const kept = draft.keep(initializerOf(name, weight, storage));
  return storage === 'FP32' ? kept : draft.add('Cast', [kept], { attributes: { to: 1 } });
}
