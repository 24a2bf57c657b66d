import { readFileSync } from 'node:fs';
import { PlinthError } from '../../../core/errors/index.ts';
import { datatypeBytes, type Tensor } from '../../../core/inference/index.ts';
import type { SequenceState } from '../../../core/models/index.ts';
import { countElements } from './element-data.ts';

/** What a sequence hands from one step to the next, by state. Shapes without the batch dimension. */
export type HeldStates = readonly Tensor[];

const MOST_STATE_BYTES = 2 ** 30;

/** The states of all slots. */
export class SequenceStates {
  readonly #initial: HeldStates;
  readonly #bySlot: (HeldStates | undefined)[] = [];

  /** Reads the files of initial states. Throws PlinthError `invalid_model_file`. */
  constructor(states: readonly SequenceState[]) {
    this.#initial = states.map(readInitial);
  }

  get initial(): HeldStates {
    return this.#initial;
  }

  /** What the step in this slot gets; a first step gets the initial states. */
  read(slot: number, at: 'start' | 'later'): HeldStates {
    return at === 'start' ? this.#initial : (this.#bySlot[slot] ?? this.#initial);
  }

  write(slot: number, states: HeldStates): void {
    this.#bySlot[slot] = states;
  }

  forget(slot: number): void {
    this.#bySlot[slot] = undefined;
  }
}

function readInitial({ inputName, datatype, dims, initialFile }: SequenceState): Tensor {
  const shape = dims.map((size) => (size === -1 ? 1 : size));
  // An empty string is its length alone: four bytes.
  const bytes = countElements(shape) * (datatypeBytes[datatype] || 4);
  if (!(bytes <= MOST_STATE_BYTES)) {
    throw new PlinthError({
      code: 'invalid_model_file',
      message: `The state '${inputName}' of shape [${shape.join()}] is too large.`,
    });
  }
  if (initialFile === undefined) return { name: inputName, datatype, shape, data: new Uint8Array(bytes) };
  const file = readFileSync(initialFile);
  if (file.byteLength < bytes) {
    const message = `The initial state of '${inputName}' needs ${bytes} bytes, its file has ${file.byteLength}.`;
    throw new PlinthError({ code: 'invalid_model_file', message });
  }
  return { name: inputName, datatype, shape, data: datatype === 'BYTES' ? file : file.subarray(0, bytes) };
}
