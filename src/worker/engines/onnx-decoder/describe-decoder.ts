import type { DecoderConfig } from './decoder-files.ts';

/**
 * Weights of a Llama-like model (gated feed-forward, RMS norms) by its configuration; 0 when the configuration does not say enough
 * or the model is of another build.
 */
export function countParameters(config: DecoderConfig): number {
  const { hidden_size: hidden, intermediate_size: inner, num_hidden_layers: layers, vocab_size: vocabulary } = config;
  const { num_attention_heads: heads } = config;
  if (!hidden || !inner || !layers || !vocabulary || !heads) return 0;
  const headSize = config.head_dim ?? hidden / heads;
  const attention = hidden * headSize * (heads * 2 + (config.num_key_value_heads ?? heads) * 2);
  const layer = attention + 3 * hidden * inner + 2 * hidden;
  const embeddings = vocabulary * hidden * (config.tie_word_embeddings === true ? 1 : 2);
  return layers * layer + embeddings + hidden;
}

/** The storage of weights by the bytes that each takes on average. */
export function nameQuantization(fileBytes: number, parameterCount: number): string {
  if (parameterCount === 0) return 'unknown';
  const bits = (fileBytes * 8) / parameterCount;
  if (bits > 24) return 'F32';
  if (bits > 12) return 'F16';
  return bits > 6.5 ? 'INT8' : 'INT4';
}
