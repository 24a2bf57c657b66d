import type { HeaderValue } from './header-values.ts';
import { refuse } from './refuse.ts';
import type { TensorEntry } from './tensor-table.ts';

/** LLAMA_MAX_LAYERS and LLAMA_MAX_EXPERTS of llama.cpp. */
const MAX_BLOCKS = 512;
const MAX_EXPERTS = 512;
const MAX_HEADS = 16_384;
const MAX_WIDTH = 1_048_576;
const MAX_CONTEXT_TOKENS = 2 ** 31 - 1;

type Values = ReadonlyMap<string, HeaderValue>;

export interface ModelShape {
  readonly architecture: string;
  readonly blockCount: number;
  readonly embeddingDimensions: number;
  readonly contextTokens: number;
  readonly vocabularySize: number;
}

/** What native code takes for granted of a language model and does not check itself, or checks by aborting. */
export function checkModel(values: Values, tensors: ReadonlyMap<string, TensorEntry>): ModelShape {
  const architecture = checkKind(values);
  const blockCount = countOf(values, `${architecture}.block_count`, [1, MAX_BLOCKS]);
  const embeddingDimensions = countOf(values, `${architecture}.embedding_length`, [1, MAX_WIDTH]);
  const contextTokens = countOf(values, `${architecture}.context_length`, [1, MAX_CONTEXT_TOKENS]);
  checkHeads(values, architecture, blockCount);
  checkExperts(values, architecture);
  const vocabularySize = checkVocabulary(values);
  checkEmbedding(tensors.get('token_embd.weight'), embeddingDimensions, vocabularySize);
  return { architecture, blockCount, embeddingDimensions, contextTokens, vocabularySize };
}

/** The text of a key, or nothing when it is missing. */
export function textOf(values: Values, key: string): string | undefined {
  const value = values.get(key);
  if (value === undefined) return undefined;
  if (value.kind !== 'text') refuse(`"${key}" is ${describe(value)}, expected a string`);
  return value.text;
}

/** The whole number of a key, or nothing when it is missing or no whole number. */
export function numberOf(values: Values, key: string): number | undefined {
  const value = values.get(key);
  return value?.kind === 'number' && Number.isSafeInteger(value.value) ? value.value : undefined;
}

function checkKind(values: Values): string {
  const architecture = textOf(values, 'general.architecture');
  if (architecture === undefined) refuse('"general.architecture" is missing');
  if (!/^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/.test(architecture)) refuse('"general.architecture" is no name');
  const kind = textOf(values, 'general.type');
  if (kind !== undefined && kind !== 'model') refuse(`it holds a ${JSON.stringify(kind.slice(0, 40))}, expected a "model"`);
  const parts = numberOf(values, 'split.count') ?? 1;
  if (parts > 1) refuse(`it is one of ${parts} parts of a split model: merge the parts into one file first`);
  return architecture;
}

function countOf(values: Values, key: string, [least, most]: readonly [number, number]): number {
  const value = values.get(key);
  if (value === undefined) refuse(`"${key}" is missing`);
  const isWhole = value.kind === 'number' && value.element !== 'bool' && Number.isInteger(value.value);
  if (!isWhole) refuse(`"${key}" is ${describe(value)}, expected a whole number`);
  if (value.value < least || value.value > most) refuse(`"${key}" is ${value.value}, expected ${least} to ${most}`);
  return value.value;
}

/** Head counts are one number, or one for each block; 0 stands for a block without attention. */
function checkHeads(values: Values, architecture: string, blockCount: number): void {
  const key = `${architecture}.attention.head_count`;
  const heads = headsOf(values, key, blockCount);
  const sharedHeads = headsOf(values, `${key}_kv`, blockCount) ?? heads;
  if (heads === undefined || sharedHeads === undefined) return;
  for (let block = 0; block < blockCount; block++) {
    const [count = 0, sharedCount = 0] = [heads[block], sharedHeads[block]];
    if (count > 0 && sharedCount > 0 && count % sharedCount !== 0)
      refuse(`"${key}" is ${count}, no multiple of the ${sharedCount} key heads`);
  }
}

function headsOf(values: Values, key: string, blockCount: number): readonly number[] | undefined {
  const value = values.get(key);
  if (value === undefined) return undefined;
  if (value.kind !== 'array') return Array<number>(blockCount).fill(countOf(values, key, [0, MAX_HEADS]));
  if (value.element !== 'uint32' && value.element !== 'int32') refuse(`"${key}" is ${describe(value)}, expected whole numbers`);
  if (value.length !== blockCount || value.numbers === undefined)
    refuse(`"${key}" has ${value.length} elements for ${blockCount} blocks`);
  const strange = value.numbers.find((count) => count < 0 || count > MAX_HEADS);
  if (strange !== undefined) refuse(`"${key}" holds ${strange}, expected 0 to ${MAX_HEADS}`);
  return value.numbers;
}

function checkExperts(values: Values, architecture: string): void {
  const key = `${architecture}.expert_count`;
  if (!values.has(key)) return;
  const experts = countOf(values, key, [0, MAX_EXPERTS]);
  if (experts === 0) return;
  countOf(values, `${architecture}.expert_used_count`, [1, experts]);
}

function checkVocabulary(values: Values): number {
  if (textOf(values, 'tokenizer.ggml.model') === undefined) refuse('"tokenizer.ggml.model" is missing');
  const size = arrayLength(values, 'tokenizer.ggml.tokens', ['string']);
  if (size === undefined || size === 0) refuse('"tokenizer.ggml.tokens" is missing: the model has no vocabulary');
  arrayLength(values, 'tokenizer.ggml.merges', ['string']);
  arrayLength(values, 'tokenizer.ggml.precompiled_charsmap', ['uint8', 'int8']);
  // llama.cpp reads these two through a cast pointer, one element for each token, whatever their type and length.
  demandLength('tokenizer.ggml.scores', arrayLength(values, 'tokenizer.ggml.scores', ['float32']), size);
  demandLength('tokenizer.ggml.token_type', arrayLength(values, 'tokenizer.ggml.token_type', ['int32', 'uint32']), size);
  for (const name of ['bos', 'eos', 'eot', 'unknown', 'padding']) {
    const key = `tokenizer.ggml.${name}_token_id`;
    const id = numberOf(values, key);
    if (id !== undefined && (id < 0 || id >= size)) refuse(`"${key}" is ${id}, the vocabulary has ${size} tokens`);
  }
  return size;
}

function arrayLength(values: Values, key: string, elements: readonly string[]): number | undefined {
  const value = values.get(key);
  if (value === undefined) return undefined;
  if (value.kind !== 'array' || !elements.includes(value.element))
    refuse(`"${key}" is ${describe(value)}, expected an array of ${elements[0]}`);
  return value.length;
}

function demandLength(key: string, length: number | undefined, size: number): void {
  if (length !== undefined && length !== size) refuse(`"${key}" has ${length} elements, the vocabulary has ${size} tokens`);
}

function checkEmbedding(tensor: TensorEntry | undefined, width: number, vocabularySize: number): void {
  if (tensor === undefined) refuse('tensor "token_embd.weight" is missing');
  const [columns, rows, ...rest] = tensor.dimensions;
  const isRight = columns === width && rows === vocabularySize && rest.every((size) => size === 1);
  if (!isRight) refuse(`tensor "token_embd.weight" is ${tensor.dimensions.join(' × ')}, expected ${width} × ${vocabularySize}`);
}

function describe(value: HeaderValue): string {
  if (value.kind === 'text') return 'a string';
  return value.kind === 'array' ? `an array of ${value.length} ${value.element}` : `the ${value.element} ${value.value}`;
}
