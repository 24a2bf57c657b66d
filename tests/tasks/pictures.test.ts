import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import sharp from 'sharp';
import { buildModel, operation, port, tensor, writeModel, type ModelParts } from '../../packages/onnx-tools/index.ts';
import { drawText } from '../support/bitmap-text.ts';
import { API_KEY, serve, type Served } from '../support/serve.ts';
import { obtainModel } from '../support/test-model.ts';

/** Says which of red, green and blue a picture has most of. */
const colours: ModelParts = {
  inputs: [port('pixel_values', 'FP32', ['batch', 3, 8, 8])],
  outputs: [port('logits', 'FP32', ['batch', 3])],
  initializers: [tensor('strength', 'FP32', { dims: [1], values: [10] })],
  operations: [
    operation('GlobalAveragePool', ['pixel_values'], ['means']),
    operation('Flatten', ['means'], ['flat']),
    operation('Mul', ['flat', 'strength'], ['logits']),
  ],
};

/** A YOLO head that finds two things of its own in every picture, as sure as the picture's brightest point is bright. */
const finder: ModelParts = {
  inputs: [port('images', 'FP32', ['batch', 3, 64, 64])],
  outputs: [port('output0', 'FP32', ['batch', 6, 3])],
  initializers: [
    tensor('boxes', 'FP32', { dims: [1, 4, 3], values: [16, 17, 48, 32, 32, 32, 16, 16, 16, 16, 16, 16] }),
    tensor('scores', 'FP32', { dims: [1, 2, 3], values: [0.9, 0.8, 0, 0, 0, 0.6] }),
  ],
  operations: [
    operation('GlobalMaxPool', ['images'], ['most']),
    operation('ReduceMax', ['most'], { outputs: ['brightest'], attributes: { axes: [1, 3], keepdims: 0 } }),
    operation('Unsqueeze', ['brightest', 'second'], ['light']),
    operation('Mul', ['scores', 'light'], ['sureness']),
    operation('Mul', ['light', 'zero'], ['nothing']),
    operation('Add', ['boxes', 'nothing'], ['places']),
    operation('Concat', ['places', 'sureness'], { outputs: ['output0'], attributes: { axis: 1 } }),
  ],
};
const finderModel: ModelParts = {
  ...finder,
  initializers: [
    ...(finder.initializers ?? []),
    tensor('second', 'INT64', { dims: [1], values: [2n] }),
    tensor('zero', 'FP32', { dims: [1], values: [0] }),
  ],
};

interface Answer {
  readonly status: number;
  readonly data: ReadonlyArray<Record<string, unknown>>;
  readonly message?: string;
}

describe('models that look at pictures', () => {
  const folder = mkdtempSync(join(tmpdir(), 'plinth-pictures-'));
  let served: Served;

  before(async () => {
    const paint = (name: string, model: ModelParts, files: Readonly<Record<string, string>>): string => {
      const place = mkdtempSync(join(folder, `${name}-`));
      writeFileSync(join(place, 'model.onnx'), writeModel(buildModel(model)));
      for (const [file, text] of Object.entries(files)) writeFileSync(join(place, file), text);
      return place;
    };
    const config = { architectures: ['ViTForImageClassification'], id2label: { 0: 'red', 1: 'green', 2: 'blue' } };
    const preparation = { size: { height: 8, width: 8 }, do_normalize: false };
    const colourFolder = paint('colours', colours, {
      'config.json': JSON.stringify(config),
      'preprocessor_config.json': JSON.stringify(preparation),
    });
    const finderFolder = paint('finder', finderModel, { 'labels.txt': 'cup\nspoon\n' });
    const { folderPath } = await obtainModel('paddle-ocr');
    const models = [
      { name: 'colours', source: colourFolder },
      { name: 'finder', source: finderFolder, task: 'detect-objects' },
      { name: 'reader', source: join(folderPath ?? '', 'detection.onnx'), task: 'read-text' },
    ];
    served = await serve({ config: { models } });
  });
  after(async () => {
    await served?.stop();
    rmSync(folder, { recursive: true });
  });

  async function ask(
    path: string,
    model: string,
    picture: { readonly file: Buffer; readonly fields?: Readonly<Record<string, string>> },
  ): Promise<Answer> {
    const form = new FormData();
    form.append('model', model);
    for (const [name, value] of Object.entries(picture.fields ?? {})) form.append(name, value);
    form.append('image', new Blob([new Uint8Array(picture.file)]), 'picture');
    const init = { method: 'POST', headers: { authorization: `Bearer ${API_KEY}` }, body: form };
    const answer = await fetch(`${served.url}/v1/vision/${path}`, init);
    const body = (await answer.json()) as { data?: Answer['data']; error?: { message: string } };
    return { status: answer.status, data: body.data ?? [], ...(body.error && { message: body.error.message }) };
  }

  const plain = (background: string, width = 40, height = 20) => sharp({ create: { width, height, channels: 3, background } });

  test('a picture is put into the classes of the model, best first', async () => {
    for (const [background, label] of [
      ['#f00000', 'red'],
      ['#00f000', 'green'],
      ['#0000f0', 'blue'],
    ] as const) {
      const { data } = await ask('classify', 'colours', { file: await plain(background).jpeg().toBuffer() });
      assert.equal(data[0]?.['label'], label);
      assert.equal(data.length, 3);
    }
    const { data } = await ask('classify', 'colours', { file: await plain('#f00000').webp().toBuffer(), fields: { top_k: '1' } });
    assert.deepEqual([data.length, data[0]?.['class_index']], [1, 0]);
  });

  test('things are found in the pixels of the picture, doubles once, unsure ones not at all', async () => {
    const { data } = await ask('detect', 'finder', { file: await plain('#ffffff', 128, 128).png().toBuffer() });
    assert.deepEqual(
      data.map(({ label, box }) => [label, box]),
      [
        ['cup', { xmin: 16, ymin: 48, xmax: 48, ymax: 80 }],
        ['spoon', { xmin: 80, ymin: 48, xmax: 112, ymax: 80 }],
      ],
    );
    const sure = await ask('detect', 'finder', {
      file: await plain('#ffffff', 128, 128).png().toBuffer(),
      fields: { threshold: '0.7' },
    });
    assert.deepEqual(
      sure.data.map(({ label }) => label),
      ['cup'],
    );
    const dark = await ask('detect', 'finder', { file: await plain('#000000', 64, 64).png().toBuffer() });
    assert.deepEqual(dark.data, []);
  });

  test('text is read line by line, also when the picture stands on its head', async () => {
    const { width, height, pixels } = drawText(['HELLO STONE', 'PLINTH'], 4);
    const image = sharp(Buffer.from(pixels), { raw: { width, height, channels: 3 } });
    const upright = await ask('read', 'reader', { file: await image.clone().png().toBuffer() });
    assert.match(upright.data.map(({ text }) => text).join(' '), /HELLO ?STONE/);
    const turned = await ask('read', 'reader', { file: await image.clone().rotate(180).png().toBuffer() });
    assert.match(turned.data.map(({ text }) => text).join(' '), /HELLO/);
    const corners = upright.data[0]?.['corners'] as number[][];
    assert.ok((corners[0]?.[0] ?? -1) < 40 && (corners[2]?.[0] ?? 0) <= width);
    const blank = await ask('read', 'reader', { file: await plain('#ffffff', 200, 100).png().toBuffer() });
    assert.deepEqual([blank.status, blank.data], [200, []]);
  });

  test('what is no picture is refused, and a vector drawing with it', async () => {
    const drawing = Buffer.from(
      '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><rect width="9" height="9"/></svg>',
    );
    for (const file of [Buffer.from('no picture'), drawing]) {
      const answer = await ask('classify', 'colours', { file });
      assert.equal(answer.status, 400);
      assert.match(answer.message ?? '', /cannot be read.*JPEG, PNG/);
    }
  });

  test('a model for pictures does not chat', async () => {
    const body = JSON.stringify({ model: 'colours', messages: [{ role: 'user', content: 'hello' }] });
    const headers = { authorization: `Bearer ${API_KEY}`, 'content-type': 'application/json' };
    const answer = await fetch(`${served.url}/v1/chat/completions`, { method: 'POST', headers, body });
    assert.equal(answer.status, 400);
  });
});
