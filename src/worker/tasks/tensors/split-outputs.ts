import { datatypeBytes, type Tensor } from '../../../core/inference/index.ts';
import { countElements, findBytesEnds } from './element-data.ts';
import type { BatchPart } from './build-feeds.ts';
import { fillOpen, type PlannedPort, type TensorPlan } from './tensor-plan.ts';

/** An output whose first dimension is not the batch, so that several requests cannot share it. */
export class UnsplittableOutput extends Error {
  override readonly name = 'UnsplittableOutput';
}

/** The parts of one output, one for each part of the batch, in the shape that callers see. Throws {@link UnsplittableOutput}. */
export function splitOutput(output: Tensor, planned: PlannedPort, { parts, plan }: Splitting): readonly Tensor[] {
  const scattered = plan.batchOutputs.find(({ targetNames }) => targetNames.includes(planned.port.name));
  if (scattered !== undefined) return scatter(output, { parts, plan, planned, source: scattered.sourceInput });
  if (parts.length === 1) return [reshape(output, planned, plan)];
  return splitRows(
    output,
    parts.map(({ item }) => item.rows),
  ).map((tensor) => reshape(tensor, planned, plan));
}

interface Splitting {
  readonly parts: readonly BatchPart[];
  readonly plan: TensorPlan;
}

/** Cuts a tensor along its first dimension. The pieces share its memory. Throws {@link UnsplittableOutput}. */
export function splitRows(output: Tensor, rows: readonly number[]): readonly Tensor[] {
  const total = rows.reduce((sum, count) => sum + count, 0);
  const [lead, ...rest] = output.shape;
  if (lead !== total)
    throw new UnsplittableOutput(`The output '${output.name}' has ${lead ?? 'no'} rows where ${total} are expected.`);
  const each = countElements(rest);
  const rowEnds = output.datatype === 'BYTES' ? findBytesEnds(output.data, total, each) : undefined;
  const rowBytes = each * datatypeBytes[output.datatype];
  const endOf = (row: number) => (output.datatype === 'BYTES' ? (row === 0 ? 0 : (rowEnds?.[row - 1] ?? 0)) : row * rowBytes);
  let row = 0;
  return rows.map((count) => {
    const start = endOf(row);
    row += count;
    return { ...output, shape: [count, ...rest], data: output.data.subarray(start, endOf(row)) };
  });
}

function reshape(output: Tensor, { port, engineDims, isReshaped }: PlannedPort, { isBatched }: TensorPlan): Tensor {
  if (!isReshaped) return output;
  const own = isBatched ? output.shape.slice(1) : output.shape;
  const filled = fillOpen(own, engineDims, port.dims);
  return { ...output, shape: isBatched ? [output.shape[0] as number, ...filled] : filled };
}

/** The open places of an output's dims take the open sizes of the source input of each request. */
function scatter(
  output: Tensor,
  { parts, plan, planned, source }: Splitting & { readonly planned: PlannedPort; readonly source: string },
): readonly Tensor[] {
  const index = plan.inputIndex.get(source) ?? 0;
  const sourceDims = plan.inputs[index]?.port.dims ?? [];
  const shapes = parts.map(({ item }) => {
    const [rows = 1, ...rest] = item.shapes[index] ?? [];
    return [rows, ...fillOpen(rest, sourceDims, planned.port.dims)];
  });
  const counts = shapes.map(countElements);
  const flat = splitRows({ ...output, shape: [countElements(output.shape)] }, counts);
  return flat.map((tensor, part) => ({ ...tensor, shape: shapes[part] as number[] }));
}
