import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { chooseFiles } from './choose-files.ts';

const choose = (paths: readonly string[], main?: string): readonly string[] =>
  chooseFiles(
    paths.map((path) => ({ path })),
    main,
  ).map((file) => (file.path === file.from ? file.path : `${file.from} as ${file.path}`));

const hub = [
  'README.md',
  'config.json',
  'model.safetensors',
  'onnx/model.onnx',
  'onnx/model_fp16.onnx',
  'pytorch_model.bin',
  'tokenizer.json',
];

test('a repository gives its full graph with tokenizer and configuration, and nothing else', () => {
  assert.deepEqual(choose(hub), ['onnx/model.onnx', 'config.json', 'tokenizer.json']);
});

test('a graph that is named is taken instead', () => {
  assert.deepEqual(choose(hub, 'onnx/model_fp16.onnx'), ['onnx/model_fp16.onnx', 'config.json', 'tokenizer.json']);
  assert.throws(() => choose(hub, 'onnx/model_q4.onnx'), /it has no file onnx\/model_q4\.onnx/);
});

test('files deep inside a package come from the folder of the model', () => {
  const paths = ['package.json', 'models/x/tiny/config.json', 'models/x/tiny/onnx/model_quantized.onnx', 'models/x/config.json'];
  assert.deepEqual(choose(paths), [
    'models/x/tiny/onnx/model_quantized.onnx as onnx/model_quantized.onnx',
    'models/x/tiny/config.json as config.json',
  ]);
});

test('external data comes with its graph', () => {
  const paths = ['model.onnx', 'model.onnx_data', 'model.onnx_data_1', 'model.onnx.data', 'model.onnx.txt', 'other.onnx_data'];
  assert.deepEqual(choose(paths), ['model.onnx', 'model.onnx_data', 'model.onnx_data_1', 'model.onnx.data']);
});

test('an encoder brings the merged decoder of its own precision', () => {
  const paths = ['encoder_model', 'encoder_model_fp16', 'decoder_model', 'decoder_model_merged', 'decoder_model_merged_fp16'].map(
    (stem) => `onnx/${stem}.onnx`,
  );
  assert.deepEqual(choose(paths), ['onnx/encoder_model.onnx', 'onnx/decoder_model_merged.onnx']);
  assert.deepEqual(choose(paths, 'onnx/encoder_model_fp16.onnx'), [
    'onnx/encoder_model_fp16.onnx',
    'onnx/decoder_model_merged_fp16.onnx',
  ]);
});

test('the only graph is taken whatever its name; of several unknown ones none', () => {
  assert.deepEqual(choose(['a/b/squeezenet.onnx', 'a/b/labels.txt']), [
    'a/b/squeezenet.onnx as squeezenet.onnx',
    'a/b/labels.txt as labels.txt',
  ]);
  assert.throws(() => choose(['a.onnx', 'b.onnx']), /2 \.onnx files; name the one that is meant: a\.onnx, b\.onnx/);
  assert.throws(() => choose(['config.json']), /no \.onnx file/);
});

test('whatever a folder holds, the graph comes first and every file is one of the folder’s', () => {
  const name = fc.constantFrom('model.onnx', 'config.json', 'tokenizer.json', 'vocab.txt', 'x.bin', 'model.onnx_data', 'y.onnx');
  const path = fc
    .array(fc.constantFrom('onnx', 'a', 'b'), { maxLength: 3 })
    .chain((folders) => name.map((last) => [...folders, last].join('/')));
  fc.assert(
    fc.property(fc.uniqueArray(path, { maxLength: 12 }), (paths) => {
      let chosen;
      try {
        chosen = chooseFiles(paths.map((one) => ({ path: one })));
      } catch (error) {
        assert.ok(error instanceof Error && error.message.startsWith('it has '));
        return;
      }
      assert.ok(chosen[0]?.path.endsWith('.onnx'));
      assert.equal(new Set(chosen.map((file) => file.path)).size, chosen.length);
      for (const file of chosen) assert.ok(paths.includes(file.from) && file.from.endsWith(file.path));
    }),
  );
});
