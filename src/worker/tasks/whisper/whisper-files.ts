import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { PlinthError } from '../../../core/errors/index.ts';
import type { JsonObject } from '../../../core/inference/index.ts';

const MOST_JSON_BYTES = 64 * 1024 * 1024;
const count = z.int().min(1).max(65_536);
const token = z.int().min(0).max(1_000_000);
const tokens = z.array(token).max(10_000).nullish();

const configSchema = z.looseObject({
  model_type: z.literal('whisper'),
  d_model: count,
  encoder_layers: count.max(256),
  decoder_layers: count.max(256),
  decoder_attention_heads: count.max(1024),
  encoder_ffn_dim: count,
  decoder_ffn_dim: count,
  max_source_positions: z.literal(1500),
  max_target_positions: count.max(8192),
  num_mel_bins: z.int().min(1).max(256),
  vocab_size: token,
  suppress_tokens: tokens,
  begin_suppress_tokens: tokens,
});

const generationSchema = z.looseObject({
  suppress_tokens: tokens,
  begin_suppress_tokens: tokens,
  is_multilingual: z.boolean().nullish(),
  alignment_heads: z
    .array(z.tuple([z.int().min(0), z.int().min(0)]))
    .max(4096)
    .nullish(),
});

/** What the JSON files of a Whisper model say. */
export interface WhisperSettings {
  /** Bands of the spectrogram. */
  readonly bands: number;
  readonly decoderLayers: number;
  readonly decoderHeads: number;
  readonly modelWidth: number;
  /** Tokens that the decoder can hold. */
  readonly textPositions: number;
  readonly suppressed: readonly number[];
  readonly suppressedAtStart: readonly number[];
  /** Attention heads, layer and head, that follow the sound; undefined when the model does not name them. */
  readonly alignmentHeads: ReadonlyArray<readonly [layer: number, head: number]> | undefined;
  readonly isMultilingual: boolean | undefined;
  readonly parameterCount: number;
}

/** Reads config.json and, where there is one, generation_config.json. Throws `invalid_model_file`. */
export function readSettings(folder: string): WhisperSettings {
  const config = parse(configSchema, folder, 'config.json');
  const generation = existsSync(join(folder, 'generation_config.json'))
    ? parse(generationSchema, folder, 'generation_config.json')
    : {};
  return {
    bands: config.num_mel_bins,
    decoderLayers: config.decoder_layers,
    decoderHeads: config.decoder_attention_heads,
    modelWidth: config.d_model,
    textPositions: config.max_target_positions,
    suppressed: generation.suppress_tokens ?? config.suppress_tokens ?? [],
    suppressedAtStart: generation.begin_suppress_tokens ?? config.begin_suppress_tokens ?? [],
    alignmentHeads: generation.alignment_heads ?? undefined,
    isMultilingual: generation.is_multilingual ?? undefined,
    parameterCount: countParameters(config),
  };
}

/** The object in a JSON file of the model's folder. Throws `invalid_model_file`. */
export function readJson(folder: string, name: string): JsonObject {
  const path = join(folder, name);
  try {
    if (statSync(path).size > MOST_JSON_BYTES) throw invalidFile(`${name} is larger than ${MOST_JSON_BYTES} bytes`);
    const value: unknown = JSON.parse(readFileSync(path, 'utf8'));
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as JsonObject;
  } catch (thrown) {
    if (thrown instanceof PlinthError) throw thrown;
    throw invalidFile(`${name} is missing or no JSON`);
  }
  throw invalidFile(`${name} is no JSON object`);
}

/** The encoder and the decoder among the model's files, as names inside its folder, and how their weights are kept. */
export interface GraphFiles {
  readonly encoder: string;
  readonly decoder: string;
  readonly quantization: string;
  readonly bytes: number;
}

const VARIANTS: ReadonlyArray<readonly [suffix: string, quantization: string]> = [
  ['_quantized', 'Q8'],
  ['', 'F32'],
  ['_int8', 'Q8'],
  ['_uint8', 'Q8'],
  ['_fp16', 'F16'],
  ['_q4', 'Q4'],
];

/**
 * Finds both graphs, quantized ones first, beside the JSON files or in `onnx/`. `filePath` is one of them where the model was given by
 * its file. Throws `invalid_model_file`.
 */
export function findGraphs(folder: string, filePath: string | undefined): GraphFiles {
  const wanted = /(?:encoder_model|decoder_model_merged)(\w*)\.onnx$/.exec(filePath ?? '')?.[1];
  const variants = [...VARIANTS].toSorted(([a], [b]) => Number(b === wanted) - Number(a === wanted));
  for (const [suffix, quantization] of variants) {
    for (const prefix of ['', 'onnx/']) {
      const encoder = `${prefix}encoder_model${suffix}.onnx`;
      const decoder = `${prefix}decoder_model_merged${suffix}.onnx`;
      const paths = [encoder, decoder].map((name) => join(folder, name));
      if (!paths.every((path) => existsSync(path))) continue;
      return { encoder, decoder, quantization, bytes: paths.reduce((sum, path) => sum + statSync(path).size, 0) };
    }
  }
  throw invalidFile('encoder_model*.onnx and decoder_model_merged*.onnx of one kind were expected');
}

/** `invalid_model_file` with what is wrong about the model's files. */
export function invalidFile(problem: string): PlinthError {
  return new PlinthError({ code: 'invalid_model_file', message: `The files of the Whisper model do not fit: ${problem}.` });
}

function parse<S extends z.ZodType>(schema: S, folder: string, name: string): z.infer<S> {
  const result = schema.safeParse(readJson(folder, name));
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw invalidFile(`${name}: ${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'not as expected'}`);
}

/** Whisper's only shapes: weights and biases of its layers, norms, the two convolutions and the embeddings. */
function countParameters(config: z.infer<typeof configSchema>): number {
  const width = config.d_model;
  const attention = 4 * width * width + 3 * width;
  const norm = 2 * width;
  const feed = (inner: number): number => 2 * width * inner + inner + width;
  const encoderLayer = attention + feed(config.encoder_ffn_dim) + 2 * norm;
  const decoderLayer = 2 * attention + feed(config.decoder_ffn_dim) + 3 * norm;
  const convolutions = 3 * width * config.num_mel_bins + 3 * width * width + 2 * width;
  const positions = (config.max_source_positions + config.max_target_positions) * width;
  const layers = config.encoder_layers * encoderLayer + config.decoder_layers * decoderLayer;
  return layers + convolutions + positions + config.vocab_size * width + 2 * norm;
}
