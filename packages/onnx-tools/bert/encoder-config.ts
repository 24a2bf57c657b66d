import { z } from 'zod';
import { OnnxToolsError } from '../onnx-tools-error.ts';

const size = (most: number) => z.int().min(1).max(most);

const configSchema = z.object({
  model_type: z.enum(['bert', 'roberta', 'xlm-roberta', 'camembert']),
  vocab_size: size(4_000_000),
  hidden_size: size(16_384),
  num_hidden_layers: size(256),
  num_attention_heads: size(1_024),
  intermediate_size: size(131_072),
  max_position_embeddings: size(1_048_576),
  type_vocab_size: size(1_024).default(2),
  hidden_act: z.enum(['gelu', 'gelu_new', 'gelu_pytorch_tanh', 'gelu_fast', 'relu', 'silu', 'swish']).default('gelu'),
  layer_norm_eps: z.number().min(0).max(1).default(1e-12),
  pad_token_id: z.int().min(0).nullable().default(0),
  position_embedding_type: z.literal('absolute').default('absolute'),
  is_decoder: z.literal(false).default(false),
});

/** The shape of a BERT-family encoder. */
export interface BertConfig {
  readonly vocabularySize: number;
  readonly hiddenSize: number;
  readonly layers: number;
  readonly heads: number;
  readonly innerSize: number;
  readonly positions: number;
  /** 1 where the family has no token types of its own. */
  readonly tokenTypes: number;
  readonly activation: 'gelu' | 'gelu-tanh' | 'relu' | 'silu';
  readonly epsilon: number;
  /** `counted`: from the padding token's id on, over the tokens that are no padding, as RoBERTa does. */
  readonly positionIds: { readonly kind: 'plain' } | { readonly kind: 'counted'; readonly paddingId: number };
}

/** Reads what transformers writes to config.json. Throws OnnxToolsError that names the field. */
export function readBertConfig(bytes: Uint8Array): BertConfig {
  const result = configSchema.safeParse(parseJson(bytes));
  if (!result.success) {
    const reasons = result.error.issues.slice(0, 3).map(({ path, message }) => `${path.join('.') || 'config'}: ${message}`);
    throw new OnnxToolsError(`config.json describes no encoder that can be converted: ${reasons.join('; ')}`);
  }
  const config = result.data;
  if (config.hidden_size % config.num_attention_heads !== 0) {
    throw new OnnxToolsError(
      `config.json: hidden_size ${config.hidden_size} is no multiple of ${config.num_attention_heads} attention heads`,
    );
  }
  return {
    vocabularySize: config.vocab_size,
    hiddenSize: config.hidden_size,
    layers: config.num_hidden_layers,
    heads: config.num_attention_heads,
    innerSize: config.intermediate_size,
    positions: config.max_position_embeddings,
    tokenTypes: config.type_vocab_size,
    activation: activationOf(config.hidden_act),
    epsilon: config.layer_norm_eps,
    positionIds: config.model_type === 'bert' ? { kind: 'plain' } : { kind: 'counted', paddingId: config.pad_token_id ?? 1 },
  };
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch (error) {
    throw new OnnxToolsError('config.json is no JSON', { cause: error });
  }
}

function activationOf(name: string): BertConfig['activation'] {
  if (name === 'gelu' || name === 'relu') return name;
  return name.startsWith('gelu') ? 'gelu-tanh' : 'silu';
}
