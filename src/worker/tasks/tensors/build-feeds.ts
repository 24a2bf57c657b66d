import type { SequenceStep, Tensor } from '../../../core/inference/index.ts';
import type { BatchInput, SequenceControl } from '../../../core/models/index.ts';
import { countElements, encodeNumbers, encodeTexts, joinData } from './element-data.ts';
import type { TensorItem } from './read-request.ts';
import type { HeldStates } from './sequence-states.ts';
import type { Ranks, TensorPlan } from './tensor-plan.ts';

/** A row of a batch, or the rows of one request. An unready row keeps a slot's place and means nothing. */
export interface BatchPart {
  readonly item: TensorItem;
  readonly isReady: boolean;
  readonly states: HeldStates;
}

/** A part of a batch with its slot and its place among the items; −1 for a part that only keeps a slot's place. */
export interface SeatedPart extends BatchPart {
  readonly slot: number | undefined;
  readonly index: number;
}

/** Where slots keep their places, the free ones below the last are filled with unready parts. */
export function arrangeParts(group: readonly SeatedPart[], { seating }: TensorPlan): readonly SeatedPart[] {
  const [first] = group;
  if (seating !== 'fixed' || first?.slot === undefined) return group;
  const bySlot = new Map(group.map((part) => [part.slot, part]));
  const length = Math.max(...group.map(({ slot }) => slot ?? 0)) + 1;
  return Array.from({ length }, (_, slot) => bySlot.get(slot) ?? { ...first, slot, index: -1, isReady: false });
}

/** Parts that can share a run: their states have the same shapes. */
export function groupByStates(parts: readonly SeatedPart[]): ReadonlyArray<readonly SeatedPart[]> {
  const [first] = parts;
  if (first === undefined || first.states.length === 0) return [parts];
  const groups = new Map<string, SeatedPart[]>();
  for (const part of parts) {
    const key = part.states.map(({ shape }) => shape.join()).join(';');
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [part]);
    else group.push(part);
  }
  return [...groups.values()];
}

/** The engine's inputs for a batch: those of callers laid one after the other, then controls, states and batch inputs. */
export function buildFeeds(parts: readonly BatchPart[], plan: TensorPlan, ranks: Ranks): readonly Tensor[] {
  const feeds: Tensor[] = [];
  for (let index = 0; index < plan.inputs.length; index++) {
    const tensors: Tensor[] = [];
    for (const { item } of parts) {
      const tensor = item.inputs[index];
      if (tensor !== undefined) tensors.push(tensor);
    }
    if (tensors.length > 0) feeds.push(joinTensors(tensors, tensors[0]?.name ?? ''));
  }
  for (const control of plan.controls) feeds.push(buildControl(parts, control, ranks.get(control.input) ?? 1));
  for (const [index, { inputName }] of plan.states.entries()) feeds.push(joinStates(parts, index, { inputName, plan }));
  for (const batchInput of plan.batchInputs) feeds.push(...buildBatchInput(parts, batchInput, plan));
  return feeds;
}

function joinTensors(tensors: readonly Tensor[], name: string): Tensor {
  const first = tensors[0] as Tensor;
  if (tensors.length === 1) return first;
  let rows = 0;
  for (const { shape } of tensors) rows += shape[0] as number;
  const data = joinData(tensors.map((tensor) => tensor.data));
  return { name, datatype: first.datatype, shape: [rows, ...first.shape.slice(1)], data };
}

function joinStates(
  parts: readonly BatchPart[],
  index: number,
  { inputName, plan }: { readonly inputName: string; readonly plan: TensorPlan },
): Tensor {
  const states = parts.map((part) => part.states[index] as Tensor);
  const { datatype, shape } = states[0] as Tensor;
  const data = joinData(states.map((state) => state.data));
  return { name: inputName, datatype, shape: plan.isBatched ? [parts.length, ...shape] : shape, data };
}

function buildControl(parts: readonly BatchPart[], control: SequenceControl, rank: number): Tensor {
  const { input: name, kind, datatype, falseValue, trueValue } = control;
  const shape = rank === 0 ? [] : [parts.length, ...Array.from({ length: rank - 1 }, () => 1)];
  const steps = parts.map(({ item, isReady }) => (isReady ? item.sequence : undefined));
  if (kind !== 'corrid') {
    const values = steps.map((step) => (step !== undefined && isSet(step, kind) ? trueValue : falseValue));
    return { name, datatype, shape, data: encodeNumbers(datatype, values) };
  }
  if (datatype === 'BYTES') return { name, datatype, shape, data: encodeTexts(steps.map((step) => step?.id ?? '')) };
  return {
    name,
    datatype,
    shape,
    data: encodeNumbers(
      datatype,
      steps.map((step) => BigInt(step?.id ?? 0)),
    ),
  };
}

function isSet({ isStart, isEnd }: SequenceStep, kind: 'start' | 'end' | 'ready'): boolean {
  return kind === 'ready' || (kind === 'start' ? isStart : isEnd);
}

function buildBatchInput(parts: readonly BatchPart[], batchInput: BatchInput, plan: TensorPlan): readonly Tensor[] {
  const source = plan.inputIndex.get(batchInput.sourceInput) ?? 0;
  const { shape, values } = describeShapes(parts, batchInput.kind, source);
  const data = encodeNumbers(batchInput.datatype, values);
  return batchInput.targetNames.map((name) => ({ name, datatype: batchInput.datatype, shape, data }));
}

interface Described {
  readonly shape: readonly number[];
  readonly values: readonly number[];
}

function describeShapes(parts: readonly BatchPart[], kind: BatchInput['kind'], source: number): Described {
  const shapes = parts.map(({ item }) => item.shapes[source] ?? []);
  if (kind === 'item-shape' || kind === 'item-shape-flatten') {
    const rows = shapes.flatMap(([count = 0, ...rest]) => Array.from({ length: count }, () => rest));
    const values = rows.flat();
    return { shape: kind === 'item-shape' ? [rows.length, rows[0]?.length ?? 0] : [values.length], values };
  }
  const counts = shapes.map(countElements);
  if (kind === 'element-count') return { shape: [counts.length], values: counts };
  if (kind === 'max-element-count-as-shape') {
    const most = Math.max(0, ...counts);
    return { shape: [most], values: Array.from({ length: most }, () => 0) };
  }
  const sums: number[] = kind === 'accumulated-element-count-with-zero' ? [0] : [];
  let sum = 0;
  for (const count of counts) sums.push((sum += count));
  return { shape: [sums.length], values: sums };
}
