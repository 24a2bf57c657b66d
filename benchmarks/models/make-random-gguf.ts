import { closeSync, mkdirSync, openSync, renameSync, writeSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import {
  alignUp,
  encodeHeader,
  makeEntry,
  readHeaderEntries,
  readIntegers,
  readStrings,
  type HeaderEntry,
  type TensorPlace,
} from './gguf-header.ts';

// A model of TinyLlama-1.1B's shape with random Q4_K weights. Speed depends on the types and shapes of the tensors, not on their
// values, so nothing has to be downloaded. The tokenizer, and with it the vocabulary's size (49,152 instead of 32,000), is that of the
// model whose header is read; both sides of a comparison load the same file.
const EMBEDDING = 2048;
const LAYERS = 22;
const HEADS = 32;
const KEY_VALUE_HEADS = 4;
const FEED_FORWARD = 5632;
const CONTEXT_TOKENS = 2048;
const SEED = 1;

const F32 = 0;
const Q4_K = 12;
const Q4_K_BLOCK_VALUES = 256;
const Q4_K_BLOCK_BYTES = 144;
const MOSTLY_Q4_K_SMALL = 14;
const CONTROL_TOKEN = 3;

/**
 * A Q4_K block (ggml-common.h, block_q4_K): two half floats d and dmin, 12 bytes of packed 6-bit scales and minima, 128 bytes of
 * 4-bit values; weight = d·scale·q − dmin·minimum. With every scale and minimum 32 (packed: eight times 0xA0, four times 0) and
 * dmin = 7.5 d the weights are uniform around zero; d = 1.36e-4 gives them a standard deviation of 0.02.
 */
const BLOCK_PREFIX = Buffer.from([0x75, 0x08, 0x2e, 0x14, 0xa0, 0xa0, 0xa0, 0xa0, 0xa0, 0xa0, 0xa0, 0xa0, 0, 0, 0, 0]);

function placeTensor(name: string, shape: readonly number[]): TensorPlace {
  const values = shape.reduce((product, size) => product * size, 1);
  if (shape.length === 1) return { name, shape, typeCode: F32, bytes: values * 4 };
  return { name, shape, typeCode: Q4_K, bytes: (values / Q4_K_BLOCK_VALUES) * Q4_K_BLOCK_BYTES };
}

function placeTensors(vocabulary: number): TensorPlace[] {
  const keyValues = (EMBEDDING / HEADS) * KEY_VALUE_HEADS;
  const layers = Array.from({ length: LAYERS }, (_, layer) => {
    const place = (name: string, ...shape: number[]) => placeTensor(`blk.${layer}.${name}.weight`, shape);
    return [
      place('attn_norm', EMBEDDING),
      place('attn_q', EMBEDDING, EMBEDDING),
      place('attn_k', EMBEDDING, keyValues),
      place('attn_v', EMBEDDING, keyValues),
      place('attn_output', EMBEDDING, EMBEDDING),
      place('ffn_norm', EMBEDDING),
      place('ffn_gate', EMBEDDING, FEED_FORWARD),
      place('ffn_up', EMBEDDING, FEED_FORWARD),
      place('ffn_down', FEED_FORWARD, EMBEDDING),
    ];
  });
  return [
    placeTensor('token_embd.weight', [EMBEDDING, vocabulary]),
    ...layers.flat(),
    placeTensor('output_norm.weight', [EMBEDDING]),
    placeTensor('output.weight', [EMBEDDING, vocabulary]),
  ];
}

function makeEntries(source: readonly HeaderEntry[], vocabulary: number): HeaderEntry[] {
  return [
    makeEntry('general.architecture', 'llama'),
    makeEntry('general.name', 'random weights in the shape of TinyLlama 1.1B'),
    makeEntry('general.file_type', { u32: MOSTLY_Q4_K_SMALL }),
    makeEntry('general.quantization_version', { u32: 2 }),
    makeEntry('llama.block_count', { u32: LAYERS }),
    makeEntry('llama.context_length', { u32: CONTEXT_TOKENS }),
    makeEntry('llama.embedding_length', { u32: EMBEDDING }),
    makeEntry('llama.feed_forward_length', { u32: FEED_FORWARD }),
    makeEntry('llama.attention.head_count', { u32: HEADS }),
    makeEntry('llama.attention.head_count_kv', { u32: KEY_VALUE_HEADS }),
    makeEntry('llama.attention.layer_norm_rms_epsilon', { f32: 1e-5 }),
    makeEntry('llama.rope.dimension_count', { u32: EMBEDDING / HEADS }),
    makeEntry('llama.rope.freq_base', { f32: 10_000 }),
    makeEntry('llama.vocab_size', { u32: vocabulary }),
    ...source.filter((entry) => entry.key.startsWith('tokenizer.')),
  ];
}

/** The byte that each character of a GPT-2 vocabulary stands for: printable ones stand for themselves, the others from U+0100 on. */
function mapCharactersToBytes(): ReadonlyMap<string, number> {
  const isPrintable = (byte: number): boolean => (byte >= 33 && byte <= 126) || (byte >= 161 && byte !== 173);
  let next = 256;
  return new Map(Array.from({ length: 256 }, (_, byte) => [String.fromCodePoint(isPrintable(byte) ? byte : next++), byte]));
}

/** Tokens that must never win: control tokens, and those that are not whole characters, as a stream shows nothing for them. */
function findSilentTokens(source: readonly HeaderEntry[]): ReadonlySet<number> {
  const find = (key: string): HeaderEntry => {
    const entry = source.find((candidate) => candidate.key === key);
    if (entry === undefined) throw new Error(`the source model has no ${key}`);
    return entry;
  };
  const tokens = readStrings(find('tokenizer.ggml.tokens'));
  const types = readIntegers(find('tokenizer.ggml.token_type'));
  const bytes = mapCharactersToBytes();
  const strict = new TextDecoder('utf-8', { fatal: true });
  const isSilent = (token: string, index: number): boolean => {
    if (types[index] === CONTROL_TOKEN) return true;
    try {
      return strict.decode(Uint8Array.from([...token].map((character) => bytes.get(character) ?? 0))) === '';
    } catch {
      return true;
    }
  };
  return new Set(tokens.flatMap((token, index) => (isSilent(token, index) ? [index] : [])));
}

/** Fills with xorshift32 numbers (Marsaglia 2003) and returns the generator's next state. */
function fillRandom(words: Uint32Array, seed: number): number {
  let state = seed;
  for (let index = 0; index < words.length; index += 1) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    words[index] = state;
  }
  return state;
}

const ROWS_AT_ONCE = 256;

function writeMatrix(descriptor: number, tensor: TensorPlace, options: { seed: number; zeroRows: ReadonlySet<number> }): number {
  const [columns = 0, rows = 0] = tensor.shape;
  const rowBytes = (columns / Q4_K_BLOCK_VALUES) * Q4_K_BLOCK_BYTES;
  const words = new Uint32Array((rowBytes * ROWS_AT_ONCE) / 4);
  const bytes = Buffer.from(words.buffer);
  let { seed } = options;
  for (let firstRow = 0; firstRow < rows; firstRow += ROWS_AT_ONCE) {
    seed = fillRandom(words, seed);
    for (let at = 0; at < bytes.length; at += Q4_K_BLOCK_BYTES) BLOCK_PREFIX.copy(bytes, at);
    for (let row = 0; row < ROWS_AT_ONCE; row += 1) {
      if (options.zeroRows.has(firstRow + row)) bytes.fill(0, row * rowBytes, (row + 1) * rowBytes);
    }
    writeSync(descriptor, bytes, 0, Math.min(ROWS_AT_ONCE, rows - firstRow) * rowBytes);
  }
  return seed;
}

function writeModel(sourceFile: string, outFile: string): void {
  const source = readHeaderEntries(sourceFile);
  const silent = findSilentTokens(source);
  const vocabulary = readStrings(
    source.find((entry) => entry.key === 'tokenizer.ggml.tokens') ?? { key: '', raw: Buffer.alloc(16) },
  );
  const tensors = placeTensors(vocabulary.length);
  mkdirSync(path.dirname(outFile), { recursive: true });
  const descriptor = openSync(`${outFile}.part`, 'w');
  writeSync(descriptor, encodeHeader(makeEntries(source, vocabulary.length), tensors));
  let seed = SEED;
  for (const tensor of tensors) {
    if (tensor.typeCode === F32) writeSync(descriptor, Buffer.from(new Float32Array(tensor.bytes / 4).fill(1).buffer));
    else seed = writeMatrix(descriptor, tensor, { seed, zeroRows: tensor.name === 'output.weight' ? silent : new Set() });
    writeSync(descriptor, Buffer.alloc(alignUp(tensor.bytes) - tensor.bytes));
  }
  closeSync(descriptor);
  renameSync(`${outFile}.part`, outFile);
  const size = tensors.reduce((sum, tensor) => sum + tensor.bytes, 0);
  console.log(
    `${outFile}: ${tensors.length} tensors, ${(size / 1e6).toFixed(0)} MB, ${silent.size} of ${vocabulary.length} tokens silenced`,
  );
}

const { positionals } = parseArgs({ allowPositionals: true });
const [sourceFile, outFile] = positionals;
if (sourceFile === undefined || outFile === undefined) throw new Error('usage: node make-random-gguf.ts SOURCE.gguf OUT.gguf');
writeModel(sourceFile, outFile);
