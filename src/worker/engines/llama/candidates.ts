import koffi from 'koffi';
import { type Native, type Pointer, TokenData } from '../llama-library/index.ts';

const TOKEN_DATA_BYTES = 12;
const ARRAY_BYTES = 32;
const REJECTED = -Infinity;

/** The native array of candidate tokens that samplers rewrite (llama_token_data_array), reused for every token. */
export class Candidates {
  readonly #native: Native;
  readonly #size: number;
  readonly #dataPointer: Pointer;
  readonly #ids: Int32Array;
  readonly #values: Float32Array;
  readonly #arrayPointer: Pointer;
  readonly #fields: BigUint64Array;

  constructor(native: Native, vocabularySize: number) {
    this.#native = native;
    this.#size = vocabularySize;
    this.#dataPointer = koffi.address(koffi.alloc('uint8', vocabularySize * TOKEN_DATA_BYTES));
    const data = koffi.view(this.#dataPointer, vocabularySize * TOKEN_DATA_BYTES);
    this.#ids = new Int32Array(data);
    this.#values = new Float32Array(data);
    this.#arrayPointer = koffi.address(koffi.alloc('uint8', ARRAY_BYTES));
    this.#fields = new BigUint64Array(koffi.view(this.#arrayPointer, ARRAY_BYTES));
  }

  /** Offers every token with its logit. */
  fill(logits: Float32Array): void {
    for (let token = 0, at = 0; token < this.#size; token++, at += 3) {
      this.#ids[at] = token;
      this.#values[at + 1] = logits[token] ?? REJECTED;
      this.#values[at + 2] = 0;
    }
    this.#setArray(this.#size);
  }

  apply(sampler: Pointer): void {
    this.#native.applySampler(sampler, this.#arrayPointer);
  }

  /** The token that the last sampler chose; undefined when nothing is left to choose. */
  selected(): number | undefined {
    const [dataPointer = 0n, size = 0n, selected = 0n] = this.#fields;
    const index = BigInt.asIntN(64, selected);
    if (index < 0n || index >= size) return undefined;
    const at = dataPointer + index * BigInt(TOKEN_DATA_BYTES);
    const { id, logit } = koffi.decode(at, TokenData) as { id: number; logit: number };
    return logit === REJECTED ? undefined : id;
  }

  /** Whether a grammar lets this one token come next. */
  isAllowed(grammar: Pointer, token: number): boolean {
    this.#ids[0] = token;
    this.#values[1] = 1;
    this.#values[2] = 0;
    this.#setArray(1);
    this.apply(grammar);
    return this.#values[1] !== REJECTED;
  }

  #setArray(size: number): void {
    this.#fields[0] = this.#dataPointer;
    this.#fields[1] = BigInt(size);
    this.#fields[2] = BigInt.asUintN(64, -1n);
    this.#fields[3] = 0n;
  }
}
