import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import fc from 'fast-check';
import sharp from 'sharp';
import { PlinthError } from '../../../core/errors/index.ts';
import type { Tensor } from '../../../core/inference/index.ts';
import { defaultOnnxOptions, type ModelSpec, type TensorModelConfig } from '../../../core/models/index.ts';
import { encodeTexts } from '../tensors/index.ts';
import { openOperatorTask } from './index.ts';

const folder = mkdtempSync(join(tmpdir(), 'operators-'));
after(() => rmSync(folder, { recursive: true }));

const spec: ModelSpec = {
  name: 'm',
  version: '1',
  engine: 'onnx',
  task: 'tensors',
  folderPath: folder,
  onnx: defaultOnnxOptions,
  slots: 4,
  contextTokens: 0,
  threads: 0,
  gpuLayers: 0,
  queueLength: 8,
  queueTimeoutMs: 1_000,
  memoryLimitBytes: 0,
  stepMs: 0,
};

function open(operator: string, settings: Record<string, string> = {}, config: Partial<TensorModelConfig> = {}) {
  const parameters = { operator, ...settings };
  return openOperatorTask({ ...spec, tensors: { inputs: [], outputs: [], warmup: [], ...config, parameters } });
}

async function run(task: ReturnType<typeof open>, inputs: readonly Tensor[], outputs: readonly string[] = []) {
  const items = await task.prepare({ ...task.probe(), inputs, outputs });
  const [outcome] = task.execute(items).outcomes;
  assert.ok(outcome?.type === 'finished');
  return outcome.events.flatMap((event) => (event.type === 'tensor' ? [event.tensor] : []));
}

const floats = (name: string, shape: readonly number[], values: Iterable<number>): Tensor => {
  return { name, datatype: 'FP32', shape, data: new Uint8Array(Float32Array.from(values).buffer) };
};
const valuesOf = (tensor: Tensor | undefined) => [...new Float32Array(new Uint8Array(tensor?.data ?? []).buffer)];
const integers = (name: string, values: readonly number[]): Tensor => {
  return { name, datatype: 'INT32', shape: [values.length], data: new Uint8Array(Int32Array.from(values).buffer) };
};
const refusedBy = (problem: RegExp) => (error: unknown) => error instanceof PlinthError && problem.test(error.message);

test('an operator that there is not is refused with the names of those that there are', () => {
  const known = /no operator "constructor"; expected one of read_picture, find_text, turn_lines, read_characters/;
  assert.throws(() => open('constructor'), refusedBy(known));
});

test('a configuration that an operator cannot keep is refused', () => {
  const input = { name: 'IMAGE', datatype: 'BYTES' as const, dims: [1] };
  assert.throws(() => open('read_picture', {}, { maxBatchSize: 4 }), refusedBy(/does without a max_batch_size/));
  assert.throws(
    () => open('read_picture', {}, { inputs: [{ ...input, name: 'FILE' }] }),
    refusedBy(/unexpected inference input 'FILE', allowed inputs are: IMAGE/),
  );
  assert.throws(() => open('read_picture', {}, { inputs: [{ ...input, reshape: [1, 1] }] }), refusedBy(/without reshape/));
});

test('the probe asks nothing of the operator', async () => {
  const task = open('read_picture');
  assert.deepEqual(await task.prepare(task.probe()), []);
  await assert.rejects(task.prepare({ ...task.probe() }), refusedBy(/expected 1 inputs but got 0/));
});

test('a picture gives its pixels and the planes of a detector, and only what was asked for', async () => {
  const image = sharp({ create: { width: 50, height: 70, channels: 3, background: '#ff0000' } });
  const data = new Uint8Array(await image.png().toBuffer());
  const file: Tensor = { name: 'IMAGE', datatype: 'BYTES', shape: [1], data: withLength(data) };
  const [pixels, planes] = await run(open('read_picture'), [file]);
  assert.deepEqual(pixels?.shape, [70, 50, 3]);
  assert.deepEqual([...(pixels?.data.subarray(0, 3) ?? [])], [255, 0, 0]);
  assert.deepEqual(planes?.shape, [1, 3, 64, 64]);
  const only = await run(open('read_picture'), [file], ['PLANES']);
  assert.deepEqual(
    only.map(({ name }) => name),
    ['PLANES'],
  );
});

function withLength(data: Uint8Array): Uint8Array {
  const whole = new Uint8Array(data.byteLength + 4);
  new DataView(whole.buffer).setUint32(0, data.byteLength, true);
  whole.set(data, 4);
  return whole;
}

function textMap(width: number, height: number, boxes: ReadonlyArray<readonly [x: number, y: number, w: number, h: number]>) {
  const values = new Float32Array(width * height);
  for (const [x, y, w, h] of boxes) for (let row = y; row < y + h; row++) values.fill(1, row * width + x, row * width + x + w);
  return floats('MAP', [1, 1, height, width], values);
}

const white = (width: number, height: number): Tensor => {
  return { name: 'PIXELS', datatype: 'UINT8', shape: [height, width, 3], data: new Uint8Array(width * height * 3).fill(255) };
};

test('lines of text are cut out in the size of the recognizer and placed in the whole picture', async () => {
  const map = textMap(64, 64, [
    [10, 40, 30, 8],
    [4, 8, 50, 8],
  ]);
  const [lines, samples, widths, regions] = await run(open('find_text'), [map, white(128, 128)]);
  const own = [...new Int32Array(new Uint8Array(widths?.data ?? []).buffer)];
  assert.ok((own[1] ?? 320) < (own[0] ?? 0) && (own[0] ?? 320) < 320, String(own));
  assert.deepEqual(
    [lines?.shape, samples?.shape],
    [
      [2, 3, 48, 320],
      [2, 3, 48, 192],
    ],
  );
  assert.deepEqual([widths?.shape, regions?.shape], [[2], [2, 4, 2]]);
  const [left = 0, top = 0] = valuesOf(regions);
  assert.ok(left < 8 && top < 16 && top > 4, `${left}, ${top}`);
});

test('where there is no text there is one blank line without a region', async () => {
  const [lines, samples, widths, regions] = await run(open('find_text'), [textMap(32, 32, []), white(40, 40)]);
  assert.deepEqual(
    [lines, samples, widths, regions].map((tensor) => tensor?.shape),
    [[1, 3, 48, 320], [1, 3, 48, 192], [1], [0, 4, 2]],
  );
});

test('more lines than a recognizer can take at once are refused before they are cut out', async () => {
  const boxes = Array.from({ length: 400 }, (_, at) => [(at % 20) * 24 + 4, Math.floor(at / 20) * 24 + 4, 12, 12] as const);
  const inputs = [textMap(480, 480, boxes), white(480, 480)];
  await assert.rejects(run(open('find_text'), inputs), refusedBy(/shows 400 lines of text.*at most 65536 columns/));
  await assert.rejects(run(open('find_text'), [textMap(0, 32, []), white(8, 8)]), refusedBy(/must not be empty/));
});

test('a line that surely stands on its head is turned, and what fills it up stays at its right', async () => {
  const task = open('turn_lines');
  const property = fc.asyncProperty(fc.integer({ min: 0, max: 5 }), fc.integer({ min: 5, max: 9 }), async (covered, width) => {
    const values = Float32Array.from({ length: 2 * 3 * 48 * width }, (_, at) => (at % width < covered ? at : -1));
    const lines = floats('LINES', [2, 3, 48, width], values);
    const scores = floats('SCORES', [2, 2], [0.05, 0.95, 0.2, 0.8]);
    const [once] = await run(task, [scores, lines, integers('WIDTHS', [covered, covered])]);
    const turned = valuesOf(once);
    const half = turned.length / 2;
    assert.deepEqual(turned.slice(half), [...values.subarray(half)]);
    if (covered > 0) assert.equal(turned[0], values[47 * width + covered - 1]);
    assert.ok(turned.every((value, at) => at % width < covered === value >= 0));
    const [twice] = await run(task, [scores, { ...(once as Tensor), name: 'LINES' }, integers('WIDTHS', [covered, covered])]);
    assert.deepEqual(valuesOf(twice), [...values]);
  });
  await fc.assert(property, { numRuns: 20 });
});

test('rows and widths that do not fit the lines are refused', async () => {
  const [scores, lines] = [floats('SCORES', [1, 2], [0, 1]), floats('LINES', [1, 3, 48, 2], Array(288).fill(0))];
  const turn = (widths: readonly number[]) => run(open('turn_lines'), [scores, lines, integers('WIDTHS', widths)]);
  await assert.rejects(turn([1, 1]), refusedBy(/as many rows, got 1, 1 and 2/));
  await assert.rejects(turn([3]), refusedBy(/between 0 and 2, the width of LINES; got 3/));
  await assert.rejects(turn([-1]), refusedBy(/got -1/));
});

test('lines are read with their corners; unsure ones and rows without a region are left out', async () => {
  writeFileSync(join(folder, 'dictionary.txt'), 'a\nb\n');
  const sure = [0, 0.9, 0.1, 0, 0, 0, 0.8, 0.2];
  const unsure = [0.1, 0.4, 0.3, 0.2, 1, 0, 0, 0];
  const scores = floats('SCORES', [4, 2, 4], [...unsure, ...sure, ...sure.map(() => 0), ...sure]);
  const regions = floats(
    'REGIONS',
    [3, 4, 2],
    Array.from({ length: 24 }, (_, at) => at),
  );
  const [text, score, corners] = await run(open('read_characters'), [scores, regions]);
  assert.deepEqual(text?.data, encodeTexts(['ab']));
  assert.ok(Math.abs((valuesOf(score)[0] ?? 0) - 0.85) < 1e-6);
  assert.deepEqual(
    [corners?.shape, valuesOf(corners)],
    [
      [1, 4, 2],
      [8, 9, 10, 11, 12, 13, 14, 15],
    ],
  );
  const [all] = await run(open('read_characters', { threshold: '0' }), [scores, regions]);
  assert.deepEqual(all?.data, encodeTexts(['a', 'ab']));
  const few = floats('SCORES', [1, 2, 4], sure);
  await assert.rejects(run(open('read_characters'), [few, regions]), refusedBy(/a row for each of the 3 REGIONS, got 1/));
});

test('the dictionary lies in the folder of the model', () => {
  const secret = mkdtempSync(join(tmpdir(), 'secret-'));
  writeFileSync(join(secret, 'key.txt'), 'x');
  symlinkSync(join(secret, 'key.txt'), join(folder, 'link.txt'));
  for (const dictionary of ['../key.txt', join(secret, 'key.txt'), 'link.txt', '.'])
    assert.throws(() => open('read_characters', { dictionary }), refusedBy(/must be a file inside the model's folder/));
  assert.throws(() => open('read_characters', { dictionary: 'other.txt' }), refusedBy(/there is no other\.txt/));
  assert.throws(() => open('read_characters', { threshold: '2' }), refusedBy(/number between 0 and 1, got "2"/));
  rmSync(secret, { recursive: true });
});
