import { readFileSync, readdirSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { z } from 'zod';
import { PlinthError } from '../../../core/errors/index.ts';

/** Tokenizers of large vocabularies have some 30 MB. */
const MOST_BYTES = 64 * 1024 * 1024;
const MOST_TEMPLATE_BYTES = 1024 * 1024;

const Count = z.int().positive();
const Ids = z.union([z.int(), z.array(z.int()).max(64)]);
const Text = z.union([z.string(), z.looseObject({ content: z.string() })]);

const ConfigFile = z.looseObject({
  model_type: z.string().max(100).optional(),
  hidden_size: Count.optional(),
  intermediate_size: Count.optional(),
  num_hidden_layers: Count.optional(),
  num_attention_heads: Count.optional(),
  num_key_value_heads: Count.optional(),
  head_dim: Count.nullish(),
  vocab_size: Count.optional(),
  max_position_embeddings: Count.optional(),
  n_positions: Count.optional(),
  tie_word_embeddings: z.boolean().optional(),
  eos_token_id: Ids.nullish(),
});

const TokenizerConfigFile = z.looseObject({
  bos_token: Text.nullish(),
  eos_token: Text.nullish(),
  chat_template: z.union([z.string(), z.array(z.looseObject({ name: z.string(), template: z.string() })).max(64)]).nullish(),
});

const TokenizerJson = z.looseObject({
  model: z.looseObject({}),
  decoder: z.unknown().optional(),
  pre_tokenizer: z.unknown().optional(),
  added_tokens: z
    .array(z.looseObject({ id: z.int().nonnegative(), content: z.string(), special: z.boolean() }))
    .max(100_000)
    .default([]),
});

export type DecoderConfig = z.infer<typeof ConfigFile>;
export type TokenizerFile = z.infer<typeof TokenizerJson>;

/** What stands beside the graph, checked. */
export interface DecoderFiles {
  readonly config: DecoderConfig;
  readonly tokenizer: TokenizerFile;
  readonly settings: { readonly all: object; readonly bosText: string; readonly eosText: string };
  /** Ids after which an answer ends, as the configurations list them. */
  readonly endTokens: readonly number[];
  /** Jinja source, where there is one. */
  readonly template: string | undefined;
}

/** Reads config.json, tokenizer.json and what else the folder has. Throws PlinthError `invalid_model_file`. */
export function readDecoderFiles(folder: string): DecoderFiles {
  const config = readJson(folder, 'config.json', ConfigFile);
  const tokenizer = readJson(folder, 'tokenizer.json', TokenizerJson);
  if (config === undefined || tokenizer === undefined) {
    throw refuse(`A language model needs ${config === undefined ? 'config.json' : 'tokenizer.json'} beside its graph.`);
  }
  const settings = readJson(folder, 'tokenizer_config.json', TokenizerConfigFile) ?? {};
  const generation = readJson(folder, 'generation_config.json', z.looseObject({ eos_token_id: Ids.nullish() }));
  return {
    config,
    tokenizer,
    settings: { all: settings, bosText: textOf(settings.bos_token), eosText: textOf(settings.eos_token) },
    endTokens: [generation?.eos_token_id, config.eos_token_id].flatMap((ids) => ids ?? []),
    template: readText(folder, 'chat_template.jinja', MOST_TEMPLATE_BYTES) ?? templateOf(settings.chat_template),
  };
}

/** Bytes of the graph and of the weights that lie in files beside it. */
export function bytesOfGraph(filePath: string): number {
  const folder = dirname(filePath);
  const name = basename(filePath);
  const own = readdirSync(folder).filter(
    (entry) => entry === name || entry.startsWith(`${name}_data`) || entry === `${name}.data`,
  );
  return own.reduce((sum, entry) => sum + statSync(join(folder, entry)).size, 0);
}

function textOf(text: z.infer<typeof Text> | null | undefined): string {
  return typeof text === 'string' ? text : (text?.content ?? '');
}

function templateOf(template: z.infer<typeof TokenizerConfigFile>['chat_template']): string | undefined {
  if (typeof template === 'string') return template;
  return (template?.find(({ name }) => name === 'default') ?? template?.[0])?.template;
}

function readJson<S extends z.ZodType>(folder: string, name: string, schema: S): z.infer<S> | undefined {
  const text = readText(folder, name, MOST_BYTES);
  if (text === undefined) return undefined;
  const checked = schema.safeParse(parse(text, name));
  if (checked.success) return checked.data;
  const [issue] = checked.error.issues;
  throw refuse(`The model's ${name} is not as expected at '${issue?.path.join('.') ?? ''}': ${issue?.message ?? 'unknown'}.`);
}

function parse(text: string, name: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw refuse(`The model's ${name} is not valid JSON.`);
  }
}

function readText(folder: string, name: string, mostBytes: number): string | undefined {
  const path = join(folder, name);
  const stats = statSync(path, { throwIfNoEntry: false });
  if (stats?.isFile() !== true) return undefined;
  if (stats.size > mostBytes) throw refuse(`The model's ${name} has ${stats.size} bytes; at most ${mostBytes} are read.`);
  return readFileSync(path, 'utf8');
}

function refuse(message: string): PlinthError {
  return new PlinthError({ code: 'invalid_model_file', message });
}
