import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, before, describe, test } from 'node:test';
import sharp from 'sharp';
import { drawText } from '../support/bitmap-text.ts';
import { ADMIN_KEY, API_KEY, serve, type Served } from '../support/serve.ts';
import { obtainModel } from '../support/test-model.ts';

const MAKER = resolve(import.meta.dirname, '../../examples/make-ocr-ensemble.ts');
const headers = { authorization: `Bearer ${API_KEY}` };

interface Output {
  readonly name: string;
  readonly shape: readonly number[];
  readonly data: readonly unknown[];
}

interface Answer {
  readonly status: number;
  readonly outputs: ReadonlyMap<string, Output>;
  readonly error: string;
}

describe('reading text by an ensemble of models', () => {
  const folder = mkdtempSync(join(tmpdir(), 'plinth-ocr-'));
  let served: Served;

  before(async () => {
    const { folderPath = '' } = await obtainModel('paddle-ocr');
    execFileSync(process.execPath, [MAKER, join(folder, 'models'), folderPath]);
    const strange = join(folder, 'models', 'strange');
    mkdirSync(join(strange, '1'), { recursive: true });
    writeFileSync(
      join(strange, 'config.pbtxt'),
      'backend: "plinth" parameters { key: "operator" value { string_value: "fly" } }',
    );
    const reader = { name: 'reader', source: join(folderPath, 'detection.onnx'), task: 'read-text' };
    served = await serve({ config: { models: [join(folder, 'models'), reader] } });
  });
  after(async () => {
    await served?.stop();
    rmSync(folder, { recursive: true });
  });

  async function infer(model: string, file: Uint8Array): Promise<Answer> {
    const parameters = { binary_data_size: file.byteLength + 4 };
    const inputs = [{ name: 'IMAGE', datatype: 'BYTES', shape: [1], parameters }];
    const head = Buffer.from(JSON.stringify({ inputs }));
    const length = Buffer.alloc(4);
    length.writeUInt32LE(file.byteLength);
    const answer = await fetch(`${served.url}/v2/models/${model}/infer`, {
      method: 'POST',
      headers: { ...headers, 'inference-header-content-length': String(head.byteLength) },
      body: Buffer.concat([head, length, file]),
    });
    const body = (await answer.json()) as { outputs?: readonly Output[]; error?: string };
    const outputs = new Map((body.outputs ?? []).map((output) => [output.name, output]));
    return { status: answer.status, outputs, error: body.error ?? '' };
  }

  async function readWhole(file: Uint8Array): Promise<ReadonlyArray<Record<string, unknown>>> {
    const form = new FormData();
    form.append('model', 'reader');
    form.append('image', new Blob([new Uint8Array(file)]), 'picture');
    const answer = await fetch(`${served.url}/v1/vision/read`, { method: 'POST', headers, body: form });
    return ((await answer.json()) as { data: ReadonlyArray<Record<string, unknown>> }).data;
  }

  async function executions(model: string): Promise<number> {
    const answer = await fetch(`${served.url}/v2/models/${model}/stats`, { headers });
    const { model_stats: stats } = (await answer.json()) as {
      model_stats: ReadonlyArray<{ execution_count: number | string }>;
    };
    return Number(stats[0]?.execution_count);
  }

  const draw = (lines: readonly string[]) => {
    const { width, height, pixels } = drawText(lines, 4);
    return sharp(Buffer.from(pixels), { raw: { width, height, channels: 3 } });
  };

  test('the ensemble reads what the model that does it all reads, upright and on its head', async () => {
    const picture = draw(['HELLO STONE', 'PLINTH']);
    for (const turn of [0, 180]) {
      const file = await picture.clone().rotate(turn).png().toBuffer();
      const [{ status, outputs, error }, whole] = [await infer('ocr', file), await readWhole(file)];
      assert.equal(status, 200, error);
      const texts = outputs.get('TEXT');
      assert.match(String(texts?.data), /HELLO/);
      assert.deepEqual(
        texts?.data,
        whole.map(({ text }) => text),
      );
      const corners = whole.flatMap((line) => (line['corners'] as number[][]).flat());
      assert.deepEqual(outputs.get('CORNERS')?.shape, [whole.length, 4, 2]);
      outputs.get('CORNERS')?.data.forEach((value, at) => assert.ok(Math.abs(Number(value) - (corners[at] ?? NaN)) < 0.5));
      outputs.get('SCORE')?.data.forEach((score) => assert.ok(Number(score) >= 0.5 && Number(score) <= 1));
    }
  });

  test('a picture without text gives outputs without rows', async () => {
    const { status, outputs, error } = await infer('ocr', await draw(['   ']).png().toBuffer());
    assert.equal(status, 200, error);
    assert.deepEqual(
      ['TEXT', 'SCORE', 'CORNERS'].map((name) => [outputs.get(name)?.shape, outputs.get(name)?.data]),
      [
        [[0], []],
        [[0], []],
        [[0, 4, 2], []],
      ],
    );
  });

  test('the statistics of every step count its executions', async () => {
    const steps = ['read_picture', 'detection', 'find_text', 'classification', 'turn_lines', 'recognition', 'read_characters'];
    const count = () => Promise.all(steps.map(executions));
    const before = await count();
    await infer('ocr', await draw(['STONE']).png().toBuffer());
    assert.deepEqual(
      await count(),
      before.map((executed) => executed + 1),
    );
  });

  test('a file that is no picture is refused with the name of the step that it failed in', async () => {
    const { status, error } = await infer('ocr', Buffer.from('no picture'));
    assert.equal(status, 400);
    assert.match(error, /in ensemble 'ocr', step 'read_picture': The picture cannot be read .*JPEG, PNG/);
  });

  test('a model of an operator that there is not fails to load with the names of those that there are', async () => {
    const init = { method: 'POST', headers: { authorization: `Bearer ${ADMIN_KEY}` } };
    const answer = await fetch(`${served.url}/v2/repository/index`, init);
    const models = (await answer.json()) as ReadonlyArray<{ name: string; state: string; reason: string }>;
    const { state, reason = '' } = models.find(({ name }) => name === 'strange') ?? {};
    assert.equal(state, 'UNAVAILABLE');
    assert.match(reason, /no operator "fly"; expected one of read_picture, find_text, turn_lines, read_characters/);
  });

  test('a step alone is a model like any other, with metadata and checks', async () => {
    const answer = await fetch(`${served.url}/v2/models/find_text`, { headers });
    const { platform, inputs } = (await answer.json()) as { platform: string; inputs: readonly Output[] };
    assert.equal(platform, 'plinth');
    assert.deepEqual(
      inputs.map(({ name, shape }) => [name, shape]),
      [
        ['MAP', [1, 1, -1, -1]],
        ['PIXELS', [-1, -1, 3]],
      ],
    );
    const wrong = await infer('find_text', Buffer.from('x'));
    assert.deepEqual([wrong.status, /expected 2 inputs but got 1 inputs for model 'find_text'/.test(wrong.error)], [400, true]);
  });
});
