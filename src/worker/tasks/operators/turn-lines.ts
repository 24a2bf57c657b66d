import type { Tensor } from '../../../core/inference/index.ts';
import { isTurned, LINE_HEIGHT } from '../reading/index.ts';
import { floatsOf, floatTensor } from '../vision/index.ts';
import { portOf, refuse, tensorAt, type Operator } from './operator.ts';

/** A classifier's scores (upright, turned) and lines → the same lines, none on its head. */
export const turnLinesOperator: Operator = {
  inputs: [portOf('SCORES', 'FP32', [-1, 2]), portOf('LINES', 'FP32', [-1, 3, LINE_HEIGHT, -1]), portOf('WIDTHS', 'INT32', [-1])],
  outputs: [portOf('UPRIGHT', 'FP32', [-1, 3, LINE_HEIGHT, -1])],
  begin: (inputs) => () => [turnLines(tensorAt(inputs, 0), tensorAt(inputs, 1), tensorAt(inputs, 2))],
};

function turnLines(scores: Tensor, lines: Tensor, widths: Tensor): Tensor {
  const [count = 0, , , width = 0] = lines.shape;
  if (scores.shape[0] !== count || widths.shape[0] !== count) {
    refuse(`SCORES, LINES and WIDTHS must have as many rows, got ${scores.shape[0]}, ${count} and ${widths.shape[0]}`);
  }
  const sureness = floatsOf(scores);
  const covered = new DataView(widths.data.buffer, widths.data.byteOffset, widths.data.byteLength);
  const planes = new Float32Array(floatsOf(lines));
  for (let row = 0; row < count; row++) {
    const own = covered.getInt32(row * 4, true);
    if (own < 0 || own > width) refuse(`WIDTHS must be between 0 and ${width}, the width of LINES; got ${own}`);
    if (isTurned(sureness, row)) turnLine(planes.subarray(row * 3 * LINE_HEIGHT * width), width, own);
  }
  return floatTensor('UPRIGHT', lines.shape, planes);
}

/** Turns the covered part in place; what fills the line up stays at its right. */
function turnLine(line: Float32Array, width: number, covered: number): void {
  for (let plane = 0; plane < 3; plane++) {
    const start = plane * LINE_HEIGHT * width;
    for (let y = 0; y < LINE_HEIGHT / 2; y++) {
      const upper = line.subarray(start + y * width, start + y * width + covered);
      const lowerAt = start + (LINE_HEIGHT - 1 - y) * width;
      const lower = line.subarray(lowerAt, lowerAt + covered).toReversed();
      line.set(upper.toReversed(), lowerAt);
      upper.set(lower);
    }
  }
}
