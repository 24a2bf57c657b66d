import type { TensorDatatype } from '../../../core/inference/index.ts';
import type { NativeValue } from '../onnx/index.ts';

interface Piece {
  readonly value: NativeValue;
  /** Place of the piece's last token among all tokens of the step. */
  readonly lastOutput: number;
  readonly rows: number;
}

/** The logits of one step, left in native memory until the next one. */
export class StepLogits {
  readonly #vocabularySize: number;
  readonly #pieces: Piece[] = [];

  constructor(vocabularySize: number) {
    this.#vocabularySize = vocabularySize;
  }

  /** Takes over the logits of the tokens up to `lastOutput`. */
  add(value: NativeValue, lastOutput: number): void {
    this.#pieces.push({ value, lastOutput, rows: value.shape[1] ?? 0 });
  }

  /** One token's logits; good until `clear`. Undefined when nobody asked for them. */
  row(output: number): Float32Array | undefined {
    const piece = this.#pieces.find(({ lastOutput, rows }) => output <= lastOutput && output > lastOutput - rows);
    if (piece === undefined) return undefined;
    const start = (piece.rows - 1 - (piece.lastOutput - output)) * this.#vocabularySize;
    return floatsOf(piece.value.datatype, piece.value.viewData().buffer, { start, count: this.#vocabularySize });
  }

  clear(): void {
    for (const { value } of this.#pieces) value.close();
    this.#pieces.length = 0;
  }
}

function floatsOf(
  datatype: TensorDatatype,
  buffer: ArrayBuffer,
  { start, count }: { start: number; count: number },
): Float32Array {
  if (datatype === 'FP32') return new Float32Array(buffer, start * 4, count);
  if (datatype === 'FP16') return Float32Array.from(new Uint16Array(buffer, start * 2, count), numberOfHalf);
  const bits = Uint32Array.from(new Uint16Array(buffer, start * 2, count), (half) => half << 16);
  return new Float32Array(bits.buffer);
}

/** The value of a 16-bit float of 5 exponent bits. */
function numberOfHalf(half: number): number {
  const sign = half & 0x8000 ? -1 : 1;
  const exponent = (half >> 10) & 31;
  const fraction = half & 1023;
  if (exponent === 31) return fraction === 0 ? sign * Infinity : NaN;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  return sign * (1024 + fraction) * 2 ** (exponent - 25);
}
