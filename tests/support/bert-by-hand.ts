/** A tiny BERT of random weights, as transformers saves one, and the same model computed with plain numbers. */
export interface Checkpoint {
  readonly config: TinyConfig;
  readonly weights: ReadonlyMap<string, { shape: number[]; values: number[] }>;
  /** What the encoder's weights are named after. */
  readonly prefix: string;
}

interface TinyConfig {
  readonly model_type: string;
  readonly vocab_size: number;
  readonly hidden_size: number;
  readonly num_hidden_layers: number;
  readonly num_attention_heads: number;
  readonly intermediate_size: number;
  readonly max_position_embeddings: number;
  readonly type_vocab_size: number;
  readonly hidden_act: string;
  readonly layer_norm_eps: number;
  readonly pad_token_id: number;
}

type Rows = number[][];

/** Two layers of 8 numbers in 2 heads; the same weights every time. */
export function draftCheckpoint(change: Partial<TinyConfig>, head: { labels?: number } = {}): Checkpoint {
  const config: TinyConfig = {
    model_type: 'bert',
    vocab_size: 99,
    hidden_size: 8,
    num_hidden_layers: 2,
    num_attention_heads: 2,
    intermediate_size: 12,
    max_position_embeddings: 16,
    type_vocab_size: 2,
    hidden_act: 'gelu',
    layer_norm_eps: 1e-5,
    pad_token_id: 0,
    ...change,
  };
  const prefix = head.labels === undefined ? '' : 'bert.';
  const weights = new Map<string, { shape: number[]; values: number[] }>();
  let state = 1;
  const put = (name: string, shape: number[]) => {
    const values = Array.from({ length: shape.reduce((product, size) => product * size, 1) }, () => {
      state = (Math.imul(state, 48_271) >>> 0) % 0x7fff_ffff;
      return Math.fround(state / 0x7fff_ffff - 0.5);
    });
    weights.set(name, { shape, values });
  };
  const linear = (name: string, inputs: number, outputs: number) => {
    put(`${name}.weight`, [outputs, inputs]);
    put(`${name}.bias`, [outputs]);
  };
  const norm = (name: string) => {
    put(`${name}.weight`, [width]);
    put(`${name}.bias`, [width]);
  };
  const width = config.hidden_size;
  put(`${prefix}embeddings.word_embeddings.weight`, [config.vocab_size, width]);
  put(`${prefix}embeddings.position_embeddings.weight`, [config.max_position_embeddings, width]);
  put(`${prefix}embeddings.token_type_embeddings.weight`, [config.type_vocab_size, width]);
  norm(`${prefix}embeddings.LayerNorm`);
  for (let layer = 0; layer < config.num_hidden_layers; layer++) {
    const own = `${prefix}encoder.layer.${layer}.`;
    for (const part of ['query', 'key', 'value']) linear(`${own}attention.self.${part}`, width, width);
    linear(`${own}attention.output.dense`, width, width);
    norm(`${own}attention.output.LayerNorm`);
    linear(`${own}intermediate.dense`, width, config.intermediate_size);
    linear(`${own}output.dense`, config.intermediate_size, width);
    norm(`${own}output.LayerNorm`);
  }
  if (head.labels !== undefined) {
    linear(`${prefix}pooler.dense`, width, width);
    linear('classifier', width, head.labels);
  }
  return { config, weights, prefix };
}

/** The weights as a safetensors file of F32. */
export function packSafetensors(weights: Checkpoint['weights']): Buffer {
  const header: Record<string, unknown> = {};
  let position = 0;
  for (const [name, { shape, values }] of weights) {
    header[name] = { dtype: 'F32', shape, data_offsets: [position, position + 4 * values.length] };
    position += 4 * values.length;
  }
  const text = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  const data = [...weights.values()].map(({ values }) => Buffer.from(Float32Array.from(values).buffer));
  return Buffer.concat([length, text, ...data]);
}

/** The last states of one text without padding, token by token. */
export function computeBert(
  { config, weights, prefix }: Checkpoint,
  ids: readonly number[],
  options: { firstPosition?: number } = {},
): Rows {
  const numbers = (name: string) => weights.get(`${prefix}${name}`)?.values ?? [];
  const width = config.hidden_size;
  const rowOf = (name: string, row: number) => numbers(name).slice(row * width, (row + 1) * width);
  const linear = (rows: Rows, name: string) => {
    const bias = numbers(`${name}.bias`);
    const weight = numbers(`${name}.weight`);
    return rows.map((row) =>
      bias.map((start, output) => row.reduce((sum, value, at) => sum + value * (weight[output * row.length + at] ?? NaN), start)),
    );
  };
  const add = (a: Rows, b: Rows) => a.map((row, index) => row.map((value, at) => value + (b[index]?.[at] ?? NaN)));
  const norm = (rows: Rows, name: string) =>
    rows.map((row) => {
      const mean = average(row);
      const spread = Math.sqrt(average(row.map((value) => (value - mean) ** 2)) + config.layer_norm_eps);
      return row.map(
        (value, at) => ((value - mean) / spread) * (numbers(`${name}.weight`)[at] ?? NaN) + (numbers(`${name}.bias`)[at] ?? NaN),
      );
    });
  const first = options.firstPosition ?? 0;
  const embedded = ids.map((id, index) =>
    rowOf('embeddings.word_embeddings.weight', id).map(
      (value, at) =>
        value +
        (rowOf('embeddings.position_embeddings.weight', first + index)[at] ?? NaN) +
        (rowOf('embeddings.token_type_embeddings.weight', 0)[at] ?? NaN),
    ),
  );
  let states = norm(embedded, 'embeddings.LayerNorm');
  for (let layer = 0; layer < config.num_hidden_layers; layer++) {
    const own = `encoder.layer.${layer}.`;
    const [query, key, value] = ['query', 'key', 'value'].map((part) => linear(states, `${own}attention.self.${part}`));
    const attended = attend({ query: query ?? [], key: key ?? [], value: value ?? [] }, config.num_attention_heads);
    const middle = norm(add(linear(attended, `${own}attention.output.dense`), states), `${own}attention.output.LayerNorm`);
    const inner = linear(middle, `${own}intermediate.dense`).map((row) => row.map((one) => activate(one, config.hidden_act)));
    states = norm(add(linear(inner, `${own}output.dense`), middle), `${own}output.LayerNorm`);
  }
  return states;
}

function attend({ query, key, value }: { query: Rows; key: Rows; value: Rows }, heads: number): Rows {
  const size = (query[0]?.length ?? 0) / heads;
  return query.map((asking) =>
    Array.from({ length: heads }, (_, head) => {
      const part = (row: readonly number[]) => row.slice(head * size, (head + 1) * size);
      const scores = key.map(
        (row) => part(row).reduce((sum, one, at) => sum + one * (part(asking)[at] ?? NaN), 0) / Math.sqrt(size),
      );
      const shares = scores.map((score) => Math.exp(score));
      const total = shares.reduce((sum, share) => sum + share, 0);
      return Array.from({ length: size }, (_unused, at) =>
        value.reduce((sum, row, token) => sum + ((shares[token] ?? NaN) / total) * (part(row)[at] ?? NaN), 0),
      );
    }).flat(),
  );
}

function activate(value: number, name: string): number {
  if (name === 'relu') return Math.max(0, value);
  if (name === 'silu') return value / (1 + Math.exp(-value));
  if (name === 'gelu_new') return 0.5 * value * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (value + 0.044715 * value ** 3)));
  return 0.5 * value * (1 + errorFunction(value / Math.SQRT2));
}

/** Its Taylor series, which is exact to the last digits for the small numbers here. */
function errorFunction(value: number): number {
  let sum = 0;
  let term = value;
  for (let order = 0; order < 100; order++) {
    sum += term / (2 * order + 1);
    term *= -(value * value) / (order + 1);
  }
  return (2 / Math.sqrt(Math.PI)) * sum;
}

function average(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
