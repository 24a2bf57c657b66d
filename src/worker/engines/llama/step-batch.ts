import koffi from 'koffi';
import type { StepRow } from '../engine.ts';
import type { BatchStruct, Native } from '../llama-library/index.ts';

/** The native batch of a context, filled in place for every step. */
export class StepBatch {
  readonly #struct: BatchStruct;
  readonly #tokens: Int32Array;
  readonly #positions: Int32Array;
  readonly #sequenceCounts: Int32Array;
  readonly #sequences: Int32Array[];
  readonly #outputs: Int8Array;

  constructor(native: Native, capacity: number) {
    const struct = native.createBatch(capacity, 0, 1);
    this.#struct = struct;
    this.#tokens = new Int32Array(koffi.view(struct.token, capacity * 4));
    this.#positions = new Int32Array(koffi.view(struct.pos, capacity * 4));
    this.#sequenceCounts = new Int32Array(koffi.view(struct.n_seq_id, capacity * 4));
    this.#outputs = new Int8Array(koffi.view(struct.logits, capacity));
    const lists = new BigUint64Array(koffi.view(struct.seq_id, capacity * 8));
    this.#sequences = Array.from(lists, (list) => new Int32Array(koffi.view(list, 4)));
  }

  load(rows: readonly StepRow[]): BatchStruct {
    let index = 0;
    for (const { slot, tokens, position, outputs } of rows) {
      for (let i = 0; i < tokens.length; i++) {
        const isOutput = outputs === 'all' || (outputs === 'last' && i === tokens.length - 1);
        const sequence = this.#sequences[index];
        if (sequence === undefined) throw new RangeError(`a step of more than ${this.#sequences.length} tokens`);
        this.#tokens[index] = tokens[i] ?? 0;
        this.#positions[index] = position + i;
        this.#sequenceCounts[index] = 1;
        sequence[0] = slot;
        this.#outputs[index] = isOutput ? 1 : 0;
        index++;
      }
    }
    return { ...this.#struct, n_tokens: index };
  }
}
