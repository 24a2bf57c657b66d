import { z } from 'zod';
import type { PoolingMode } from './pool-tokens.ts';
import { readModelJson, refusal } from './model-files.ts';

const size = z.int().min(1).max(10_000_000);
/** Tokenizers without a limit of their own say 1e30. */
const anyNumber = z.number().nullish();

const configSchema = z.looseObject({
  model_type: z.string().max(100).nullish(),
  vocab_size: size.nullish(),
  hidden_size: size.nullish(),
  num_hidden_layers: size.max(1000).nullish(),
  intermediate_size: size.nullish(),
  type_vocab_size: z.int().min(0).max(1000).nullish(),
  max_position_embeddings: anyNumber,
  pad_token_id: z.int().min(0).nullish(),
  problem_type: z.string().nullish(),
  id2label: z.record(z.string().regex(/^\d{1,6}$/), z.string().max(1000)).nullish(),
});

const sentenceSchema = z.looseObject({ max_seq_length: anyNumber, do_lower_case: z.boolean().nullish() });
const tokenizerSchema = z.looseObject({ model_max_length: anyNumber });
const promptsSchema = z.looseObject({
  prompts: z.record(z.string(), z.string().max(10_000)).nullish(),
  default_prompt_name: z.string().nullish(),
});
const modulesSchema = z.array(z.looseObject({ type: z.string() })).max(32);
const poolingSchema = z.looseObject({});

/** RoBERTa and its kin count positions from behind the padding token's id. */
const OFFSET_POSITIONS: ReadonlySet<string> = new Set(['roberta', 'xlm-roberta', 'camembert', 'xlm-roberta-xl', 'mpnet']);
const POSITION_OFFSET = 2;
const DEFAULT_TOKENS = 512;
const MOST_TOKENS = 1_048_576;

/** What the files of a text model say. */
export interface TextSettings {
  readonly architecture: string;
  readonly parameterCount: number;
  /** Most tokens of one input, special ones included. */
  readonly maxTokens: number;
  readonly vocabularySize: number;
  /** Values of a token's vector, where config.json says it. */
  readonly hiddenSize: number | undefined;
  readonly padToken: number;
  readonly lowersCase: boolean;
  /** Stands before every text that is embedded. */
  readonly prompt: string;
  readonly pooling: PoolingMode;
  /** Names of classes by index. */
  readonly labels: readonly string[];
  /** How logits become probabilities: of one class among all, or of each by itself. */
  readonly activation: 'softmax' | 'sigmoid';
  /** Steps behind the graph that are no part of it and that nothing here does. */
  readonly foreignModules: readonly string[];
}

/** Reads config.json, tokenizer_config.json and what sentence-transformers adds to them. Throws `invalid_model_file`. */
export function readTextSettings(folder: string): TextSettings {
  const config = readModelJson(folder, 'config.json', configSchema) ?? {};
  const sentence = readModelJson(folder, 'sentence_bert_config.json', sentenceSchema) ?? {};
  const tokenizer = readModelJson(folder, 'tokenizer_config.json', tokenizerSchema) ?? {};
  const labels = readLabels(config.id2label ?? {});
  const isEach = config.problem_type === 'multi_label_classification' || labels.length === 1;
  return {
    architecture: config.model_type ?? 'unknown',
    parameterCount: countParameters(config),
    maxTokens: chooseMaxTokens(config, [sentence.max_seq_length, tokenizer.model_max_length]),
    vocabularySize: config.vocab_size ?? Number.MAX_SAFE_INTEGER,
    hiddenSize: config.hidden_size ?? undefined,
    padToken: config.pad_token_id ?? 0,
    lowersCase: sentence.do_lower_case === true,
    prompt: readPrompt(folder),
    pooling: readPooling(folder),
    labels,
    activation: isEach ? 'sigmoid' : 'softmax',
    foreignModules: readForeignModules(folder),
  };
}

type Config = z.infer<typeof configSchema>;

function chooseMaxTokens(config: Config, limits: ReadonlyArray<number | null | undefined>): number {
  const offset = OFFSET_POSITIONS.has(config.model_type ?? '') ? POSITION_OFFSET : 0;
  const positions = config.max_position_embeddings ? config.max_position_embeddings - offset : undefined;
  const known = [positions, ...limits].filter((limit) => typeof limit === 'number' && limit >= 1 && limit <= MOST_TOKENS);
  return Math.floor(Math.min(...(known.length === 0 ? [DEFAULT_TOKENS] : (known as number[]))));
}

function readLabels(byId: Readonly<Record<string, string>>): readonly string[] {
  const labels: string[] = [];
  for (const [id, label] of Object.entries(byId)) {
    if (Number(id) >= 100_000) throw refusal(`The model's config.json names class ${id}; at most 100000 are served.`);
    labels[Number(id)] = label;
  }
  return Array.from(labels, (label, index) => label ?? `LABEL_${index}`);
}

function readPrompt(folder: string): string {
  const file = readModelJson(folder, 'config_sentence_transformers.json', promptsSchema);
  const name = file?.default_prompt_name;
  return name ? (file.prompts?.[name] ?? '') : '';
}

function readForeignModules(folder: string): readonly string[] {
  const known = /\.(?:Transformer|Pooling|Normalize)$/;
  const modules = readModelJson(folder, 'modules.json', modulesSchema) ?? [];
  return modules.map((module) => module.type).filter((type) => !known.test(type));
}

const POOLING_FIELDS: Readonly<Record<string, PoolingMode>> = {
  pooling_mode_cls_token: 'cls',
  pooling_mode_max_tokens: 'max',
  pooling_mode_mean_tokens: 'mean',
  // Differs from the mean in length only, and length is taken out of every vector.
  pooling_mode_mean_sqrt_len_tokens: 'mean',
  pooling_mode_weightedmean_tokens: 'weighted-mean',
  pooling_mode_lasttoken: 'last',
};

/** The mean when the files do not say. Throws when several are to be put side by side. */
function readPooling(folder: string): PoolingMode {
  const file = readModelJson(folder, '1_Pooling/config.json', poolingSchema);
  if (file === undefined) return 'mean';
  const named = [file['pooling_mode']].flat().filter((mode) => typeof mode === 'string');
  const flags = Object.keys(file).filter((field) => field.startsWith('pooling_mode_') && file[field] === true);
  const chosen = [...flags, ...named.map((mode) => `pooling_mode_${mode}`)];
  const modes = chosen.map(
    (field) => POOLING_FIELDS[field] ?? POOLING_FIELDS[`${field}_tokens`] ?? POOLING_FIELDS[`${field}_token`],
  );
  if (modes.length === 0) return 'mean';
  const [mode] = modes;
  if (mode !== undefined && modes.length === 1) return mode;
  throw refusal(
    `The model pools its tokens by ${chosen.join(' and ')}, but one of ${Object.keys(POOLING_FIELDS).join(', ')} is served.`,
  );
}

/** Of an encoder of the BERT family; 0 when the file does not say enough. */
function countParameters(config: Config): number {
  const { vocab_size: words, hidden_size: wide, num_hidden_layers: layers, intermediate_size: inner } = config;
  if (!words || !wide || !layers || !inner) return 0;
  const places = config.max_position_embeddings ?? 0;
  const embeddings = (words + places + (config.type_vocab_size ?? 0) + 2) * wide;
  const attention = 4 * (wide * wide + wide) + 2 * wide;
  const feedForward = 2 * wide * inner + inner + 3 * wide;
  return embeddings + layers * (attention + feedForward);
}
