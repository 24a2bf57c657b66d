import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { convertWeights, type Conversion } from './index.ts';

describe('the conversion of weights', () => {
  let folder: string;
  const convert = (more: Partial<Conversion> = {}): Promise<void> =>
    convertWeights({
      weightsPath: join(folder, 'weights'),
      configPath: join(folder, 'config'),
      outputPath: join(folder, 'made.onnx'),
      workFolder: folder,
      signal: new AbortController().signal,
      ...more,
    });
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'plinth-convert-'));
    await writeFile(join(folder, 'config'), JSON.stringify({ model_type: 'bert' }));
  });
  afterEach(() => rm(folder, { recursive: true }));

  const weights: ReadonlyArray<readonly [name: string, bytes: Buffer]> = [
    ['empty', Buffer.alloc(0)],
    ['no safetensors', Buffer.from('<html>You are not logged in</html>')],
    [
      'a header that announces more than there is',
      Buffer.concat([Buffer.from([255, 255, 255, 255, 255, 255, 255, 127]), Buffer.from('{}')]),
    ],
    ['no tensors of an encoder', Buffer.concat([Buffer.from([2, 0, 0, 0, 0, 0, 0, 0]), Buffer.from('{}')])],
  ];
  for (const [name, bytes] of weights) {
    test(`weights that are ${name} are refused in words and make no file`, async () => {
      await writeFile(join(folder, 'weights'), bytes);
      await assert.rejects(convert(), /^Error: its weights cannot be converted: .{10,}/);
      assert.deepEqual((await readdir(folder)).toSorted(), ['config', 'weights']);
    });
  }

  test('a conversion that nobody wants any more is ended', async () => {
    await writeFile(join(folder, 'weights'), Buffer.alloc(0));
    const controller = new AbortController();
    controller.abort();
    await assert.rejects(convert({ signal: controller.signal }), { name: 'AbortError' });
  });
});
