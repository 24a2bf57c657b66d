/** A value of a GGUF header, by the name of its type. */
export type DraftValue =
  | { readonly uint32: number }
  | { readonly float32: number }
  | { readonly bool: number }
  | { readonly string: string }
  | { readonly strings: readonly string[] }
  | { readonly int32s: readonly number[] }
  | { readonly float32s: readonly number[] }
  /** Anything else: a type code and its bytes. */
  | { readonly code: number; readonly bytes: Buffer };

export interface DraftTensor {
  readonly name: string;
  readonly dimensions: readonly number[];
  readonly type: number;
  readonly offset: number;
}

/** A GGUF file before it is written; every part may be wrong on purpose. */
export interface GgufDraft {
  version: number;
  values: Record<string, DraftValue>;
  tensors: DraftTensor[];
  dataBytes: number;
  /** Counts that the header announces instead of the true ones. */
  announced?: { readonly tensors?: bigint; readonly values?: bigint };
}

const F32 = 0;

/** The smallest language model that is one by its header: 4 tokens, 1 block, 8 wide. */
export function draftTinyModel(dataBytes = 256): GgufDraft {
  return {
    version: 3,
    values: {
      'general.architecture': { string: 'llama' },
      'general.name': { string: 'Tiny' },
      'llama.block_count': { uint32: 1 },
      'llama.context_length': { uint32: 64 },
      'llama.embedding_length': { uint32: 8 },
      'llama.attention.head_count': { uint32: 2 },
      'llama.attention.head_count_kv': { uint32: 1 },
      'tokenizer.ggml.model': { string: 'gpt2' },
      'tokenizer.ggml.tokens': { strings: ['a', 'b', 'ab', '</s>'] },
      'tokenizer.ggml.token_type': { int32s: [1, 1, 1, 3] },
      'tokenizer.ggml.merges': { strings: ['a b'] },
      'tokenizer.ggml.eos_token_id': { uint32: 3 },
      'tokenizer.chat_template': { string: '{{ messages }}' },
    },
    tensors: [
      { name: 'token_embd.weight', dimensions: [8, 4], type: F32, offset: 0 },
      { name: 'output_norm.weight', dimensions: [8], type: F32, offset: 128 },
    ],
    dataBytes,
  };
}

/** The bytes of the file; `seed` decides its tensor data. */
export function writeGguf(draft: GgufDraft, seed = 1): Buffer {
  const values = Object.entries(draft.values);
  const header = Buffer.concat([
    Buffer.from('GGUF'),
    uint32(draft.version),
    uint64(draft.announced?.tensors ?? draft.tensors.length),
    uint64(draft.announced?.values ?? values.length),
    ...values.map(([key, value]) => Buffer.concat([text(key), writeValue(value)])),
    ...draft.tensors.map(({ name, dimensions, type, offset }) =>
      Buffer.concat([text(name), uint32(dimensions.length), ...dimensions.map(uint64), uint32(type), uint64(offset)]),
    ),
  ]);
  const padding = Buffer.alloc((32 - (header.length % 32)) % 32);
  return Buffer.concat([header, padding, noise(draft.dataBytes, seed)]);
}

function writeValue(value: DraftValue): Buffer {
  if ('uint32' in value) return Buffer.concat([uint32(4), uint32(value.uint32)]);
  if ('float32' in value) return Buffer.concat([uint32(6), float32(value.float32)]);
  if ('bool' in value) return Buffer.concat([uint32(7), Buffer.from([value.bool])]);
  if ('string' in value) return Buffer.concat([uint32(8), text(value.string)]);
  if ('strings' in value) return array(8, value.strings.map(text));
  if ('int32s' in value) return array(5, value.int32s.map(uint32));
  if ('float32s' in value) return array(6, value.float32s.map(float32));
  return Buffer.concat([uint32(value.code), value.bytes]);
}

function array(code: number, elements: readonly Buffer[]): Buffer {
  return Buffer.concat([uint32(9), uint32(code), uint64(elements.length), ...elements]);
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value, 'utf8');
  return Buffer.concat([uint64(bytes.length), bytes]);
}

export function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value >>> 0);
  return bytes;
}

export function uint64(value: number | bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
}

function float32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeFloatLE(value);
  return bytes;
}

/** Bytes of a linear congruential generator: the same for the same seed. */
function noise(length: number, seed: number): Buffer {
  const bytes = Buffer.allocUnsafe(length);
  let state = seed >>> 0;
  for (let at = 0; at < length; at++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    bytes[at] = state >>> 24;
  }
  return bytes;
}
