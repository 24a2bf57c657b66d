import { randomFillSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { PlinthError } from '../../../core/errors/index.ts';
import { datatypeBytes, type Tensor, type TensorRequest } from '../../../core/inference/index.ts';
import type { WarmupInput, WarmupSample } from '../../../core/models/index.ts';
import { countElements } from './element-data.ts';
import type { PlannedPort, TensorPlan } from './tensor-plan.ts';
import type { TensorTask } from './tensor-task.ts';

const PROBE_MS = 60_000;
const MOST_SAMPLE_BYTES = 2 ** 30;
const MOST_PROBE_BYTES = 64 * 2 ** 20;
const MOST_RUNS = 1000;
/** Sizes that open dimensions may have to have: one, those of small texts and features, those of pictures. */
const PROBE_SIZES = [1, 8, 16, 32, 64, 128, 224, 3];

/**
 * Runs the model's own samples, so that the first caller does not pay for what happens once; then settles on the request that shows
 * from now on that the model answers. Throws PlinthError `invalid_model_file` when a sample does not run.
 */
export function warmUp(task: TensorTask, plan: TensorPlan): void {
  const samples = plan.config.warmup.map((sample) => ({ sample, request: sampleRequest(sample, plan) }));
  for (const { sample, request } of samples) {
    try {
      for (let run = 0; run < Math.min(MOST_RUNS, Math.max(1, sample.count)); run++) task.execute(task.prepare(request));
    } catch (error) {
      const reason = error instanceof PlinthError ? error.message : 'The engine failed.';
      throw new PlinthError({ code: 'invalid_model_file', message: `model_warmup '${sample.name}' does not run: ${reason}` });
    }
  }
  task.probeWith(samples[0]?.request ?? findProbe(task, plan));
}

/** A request that the model can run. Where none is found the probe asks the loop alone. */
function findProbe(task: TensorTask, plan: TensorPlan): TensorRequest {
  if (!plan.isBatched && plan.inputs.some(isSetting)) return { ...head(plan), inputs: [] };
  for (const size of PROBE_SIZES) {
    const request = probeRequest(plan, size);
    if (request === undefined) continue;
    try {
      task.execute(task.prepare(request));
      return request;
    } catch {
      if (!plan.inputs.some(({ port }) => port.dims.includes(-1))) break;
    }
  }
  return { ...head(plan), inputs: [] };
}

/** One whole number is a setting (an axis, a length), and a made-up one may keep the engine for ever. */
function isSetting({ port, engineDims, isUnranked }: PlannedPort): boolean {
  const isSingle = !isUnranked && engineDims.every((size) => size === 1) && engineDims.length <= 1;
  return isSingle && port.isOptional !== true && port.datatype.includes('INT');
}

function probeRequest(plan: TensorPlan, size: number): TensorRequest | undefined {
  const ports = plan.inputs.filter(({ port }) => port.isOptional !== true).map(({ port }) => port);
  const inputs = ports.map(({ name, datatype, dims }): WarmupInput => {
    return { name, datatype, dims: dims.map((dim) => (dim === -1 ? size : dim)), data: { type: 'zero' } };
  });
  const bytes = inputs.reduce((sum, input) => sum + byteCount(input, 1), 0);
  return bytes <= MOST_PROBE_BYTES ? { ...head(plan), inputs: inputs.map((input) => fillInput(input, 1, plan)) } : undefined;
}

function sampleRequest({ batchSize, inputs }: WarmupSample, plan: TensorPlan): TensorRequest {
  return { ...head(plan), inputs: inputs.map((input) => fillInput(input, Math.max(1, batchSize), plan)) };
}

function head({ model, seating }: TensorPlan): Omit<TensorRequest, 'inputs'> {
  const call = { kind: 'tensors', id: 'probe', model, timeLeftMs: PROBE_MS, parameters: {} } as const;
  return seating === 'none' ? call : { ...call, sequence: { id: '1', idType: 'number', isStart: true, isEnd: true } };
}

function fillInput(input: WarmupInput, rows: number, { isBatched }: TensorPlan): Tensor {
  const { name, datatype, dims, data } = input;
  const shape = isBatched ? [rows, ...dims] : dims;
  const length = byteCount(input, isBatched ? rows : 1);
  if (!(length <= MOST_SAMPLE_BYTES)) {
    throw new PlinthError({
      code: 'invalid_model_file',
      message: `model_warmup input '${name}' of shape [${shape.join()}] is too large.`,
    });
  }
  if (data.type === 'file') return { name, datatype, shape, data: readFileSync(data.path) };
  const bytes = new Uint8Array(length);
  // Random bits of a float may be NaN or huge: small whole numbers serve as well.
  if (data.type === 'random' && datatype.includes('INT')) fillRandom(bytes, datatypeBytes[datatype]);
  if (data.type === 'random' && (datatype === 'FP32' || datatype === 'FP64')) fillFractions(bytes, datatypeBytes[datatype]);
  return { name, datatype, shape, data: bytes };
}

/** 0 … 127 in the lowest byte of each element. */
function fillRandom(bytes: Uint8Array, size: number): void {
  const drawn = randomFillSync(new Uint8Array(bytes.byteLength / size));
  for (let i = 0; i < drawn.length; i++) bytes[i * size] = (drawn[i] as number) & 127;
}

function fillFractions(bytes: Uint8Array, size: number): void {
  const view = new DataView(bytes.buffer);
  for (let at = 0; at < bytes.byteLength; at += size) {
    if (size === 4) view.setFloat32(at, Math.random(), true);
    else view.setFloat64(at, Math.random(), true);
  }
}

/** An empty string is its length alone: four bytes. */
function byteCount({ datatype, dims }: WarmupInput, rows: number): number {
  return countElements(dims) * rows * (datatypeBytes[datatype] || 4);
}
