import { datatypeBytes, type InferenceEvent, type ScoredClass, type Tensor, type TensorDatatype } from '../inference/index.ts';
import type { OutputShape } from '../messages/index.ts';
import { numberReader, type ReadNumber } from './tensor-numbers.ts';

/** Work is bounded: of each tensor at most so many numbers are looked at, spread evenly. */
const MOST_NUMBERS = 4096;
const MOST_TENSORS = 16;
const MOST_CLASSES = 64;
/** An integer above is hardly the number of a class. */
const HIGHEST_CLASS = 9999;

/** What an answer that is no text looks like, gathered as its events pass. */
export class OutputLooks {
  #hasSeen = false;
  #tensors = 0;
  #isBroken = false;
  #hasConstantVector = false;
  /** Per output of floats with several numbers, whether it was the same number all over. */
  readonly #constancies: boolean[] = [];
  /** By how much they say of the class: labels, scores of classes, numbers that may be those of classes. */
  readonly #classes: Record<'labels' | 'scores' | 'numbers', string[]> = { labels: [], scores: [], numbers: [] };

  take(event: InferenceEvent): void {
    switch (event.type) {
      case 'embedding':
        return this.#takeVector(event.values);
      case 'tensor':
        return this.#takeTensor(event.tensor);
      case 'score':
        this.#hasSeen = true;
        this.#isBroken ||= !Number.isFinite(event.score);
        return;
      case 'classification':
        return this.#takeClasses(event.classes);
      default:
    }
  }

  /** Undefined when there was nothing of this kind. */
  shape(): OutputShape | undefined {
    if (!this.#hasSeen) return undefined;
    const isConstant = this.#hasConstantVector || (this.#constancies.length > 0 && this.#constancies.every(Boolean));
    const { labels, scores, numbers } = this.#classes;
    const classes = [labels, scores, numbers].find((found) => found.length > 0) ?? [];
    return { isBroken: this.#isBroken, isConstant, classes: classes.slice(0, MOST_CLASSES) };
  }

  #takeVector(data: Uint8Array): void {
    const numbers = this.#numbersOf('FP32', data);
    if (numbers === undefined) return;
    const looks = lookAt(numbers);
    this.#isBroken ||= looks.isBroken;
    this.#hasConstantVector ||= looks.isConstant;
  }

  #takeTensor({ datatype, shape, data }: Tensor): void {
    const numbers = this.#numbersOf(datatype, data);
    if (numbers === undefined) return;
    if (!isFloat(datatype)) {
      if (this.#classes.numbers.length === 0) this.#classes.numbers.push(...classNumbersOf(shape, numbers));
      return;
    }
    const looks = lookAt(numbers);
    this.#isBroken ||= looks.isBroken;
    if (numbers.count > 1) this.#constancies.push(looks.isConstant);
    if (this.#classes.scores.length === 0) this.#classes.scores.push(...winnersOf(shape, numbers));
  }

  #takeClasses(classes: readonly ScoredClass[]): void {
    this.#hasSeen = true;
    this.#isBroken ||= classes.some(({ score }) => !Number.isFinite(score));
    const [best] = classes;
    if (best !== undefined && this.#classes.labels.length < MOST_CLASSES)
      this.#classes.labels.push(best.label === '' ? String(best.classIndex) : best.label);
  }

  #numbersOf(datatype: TensorDatatype, data: Uint8Array): Numbers | undefined {
    this.#hasSeen = true;
    const read = ++this.#tensors > MOST_TENSORS ? undefined : numberReader(datatype, data);
    return read === undefined ? undefined : { read, count: Math.floor(data.byteLength / datatypeBytes[datatype]) };
  }
}

interface Numbers {
  readonly read: ReadNumber;
  readonly count: number;
}

interface Looks {
  readonly isBroken: boolean;
  /** There were several, and all the same. */
  readonly isConstant: boolean;
}

function lookAt({ read, count }: Numbers): Looks {
  const stride = Math.max(1, Math.ceil(count / MOST_NUMBERS));
  let isBroken = false;
  let isConstant = count > 1;
  for (let index = 0; index < count; index += stride) {
    const value = read(index);
    isBroken ||= !Number.isFinite(value);
    isConstant &&= Object.is(value, read(0));
  }
  return { isBroken, isConstant };
}

/** The index of the largest number of each row; a plain list is one row. None where rows are long or there are further dimensions. */
function winnersOf(shape: readonly number[], { read, count }: Numbers): readonly string[] {
  const width = shape.at(-1) ?? 0;
  if (shape.length === 0 || shape.length > 2 || width < 2 || width > MOST_NUMBERS) return [];
  const rows = Math.min(Math.floor(count / width), MOST_CLASSES, Math.floor(MOST_NUMBERS / width));
  return Array.from({ length: rows }, (_, row) => String(largestAt(read, row * width, width)));
}

function largestAt(read: ReadNumber, start: number, width: number): number {
  let best = 0;
  for (let index = 1; index < width; index++) if (read(start + index) > read(start + best)) best = index;
  return best;
}

/** Whole numbers, one a row, are taken for the numbers of classes. */
function classNumbersOf(shape: readonly number[], { read, count }: Numbers): readonly string[] {
  const isColumn = shape.length === 1 || (shape.length === 2 && shape[1] === 1);
  if (!isColumn || count > MOST_CLASSES) return [];
  const numbers = Array.from({ length: count }, (_, index) => read(index));
  return numbers.every((value) => value >= 0 && value <= HIGHEST_CLASS) ? numbers.map(String) : [];
}

function isFloat(datatype: TensorDatatype): boolean {
  return datatype === 'FP32' || datatype === 'FP64' || datatype === 'FP16' || datatype === 'BF16';
}
