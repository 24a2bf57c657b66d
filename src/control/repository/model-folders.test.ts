import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { PlinthError } from '../../core/errors/index.ts';
import { chooseVersions } from './choose-versions.ts';
import { describeConfig, findModels, readDefinition, takeFingerprint } from './index.ts';

let root: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'models-'));
});

afterEach(() => rmSync(root, { recursive: true, force: true }));

function put(...paths: readonly string[]): void {
  for (const path of paths) write(path, '');
}

function write(path: string, text: string): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
}

const listed = async (path = ''): Promise<readonly string[]> =>
  (await findModels(join(root, path))).map((found) => `${found.name} ${found.layout} ${found.path.slice(root.length + 1)}`);

const refusedBy = (problem: RegExp) => (error: unknown) => error instanceof PlinthError && problem.test(error.message);

const layouts: ReadonlyArray<readonly [title: string, files: readonly string[], path: string, models: readonly string[]]> = [
  [
    'a model repository',
    ['r/b/1/model.onnx', 'r/a/config.pbtxt', 'r/empty/note.txt', 'r/README.md', 'r/.git/x.onnx'],
    'r',
    ['a versions r/a', 'b versions r/b', 'empty versions r/empty'],
  ],
  ['one model of a repository', ['r/m/2/model.onnx'], 'r/m', ['m versions r/m']],
  ['a folder with one model', ['bert/model.onnx', 'bert/tokenizer.json'], 'bert', ['bert plain bert']],
  ['a folder as the hub has it', ['bert/onnx/model.onnx', 'bert/config.json'], 'bert', ['bert plain bert']],
  ['a folder with a file of no name of its own', ['net/model.onnx'], 'net', ['net plain net/model.onnx']],
  ['a version of a model', ['net/3/model.onnx'], 'net/3/model.onnx', ['net plain net/3/model.onnx']],
  ['a folder of files', ['r/a.onnx', 'r/b.ONNX'], 'r', ['a plain r/a.onnx', 'b plain r/b.ONNX']],
  ['a folder with one file', ['r/a.onnx'], 'r', ['a plain r/a.onnx']],
  ['one file', ['r/a.onnx'], 'r/a.onnx', ['a plain r/a.onnx']],
  [
    'a repository with plain models among the others',
    ['r/a/1/model.onnx', 'r/b/model.onnx', 'r/c/onnx/m.onnx', 'r/c/config.json', 'r/d.onnx'],
    'r',
    ['a versions r/a', 'b plain r/b', 'c plain r/c', 'd plain r/d.onnx'],
  ],
  ['an empty folder', ['r/README.md'], 'r', []],
];

for (const [title, files, path, models] of layouts) {
  test(`the models of ${title} are found`, async () => {
    put(...files);
    assert.deepEqual(await listed(path), models);
  });
}

test('a path that leads nowhere is refused by name', async () => {
  await assert.rejects(findModels(join(root, 'nowhere')), refusedBy(/There is no file or folder .*nowhere/));
});

test('policies choose among the folders that are versions, highest first', () => {
  const available = ['1', '2', '10', '03', 'x', '9'];
  assert.deepEqual(chooseVersions({ type: 'all' }, available), ['10', '9', '2', '1']);
  assert.deepEqual(chooseVersions({ type: 'latest', count: 2 }, available), ['10', '9']);
  assert.deepEqual(chooseVersions({ type: 'specific', versions: [2, 3, 7] }, available), ['2']);
});

const read = (config = '') => {
  write('m/config.pbtxt', config);
  return readDefinition({ name: 'm', folder: join(root, 'm') });
};

test('the file of a version is the configured one, the only one, or one in a folder of that name', async () => {
  put('m/1/model.onnx', 'm/2/net.onnx', 'm/3/model.onnx/inner.onnx');
  const { versions } = await read('version_policy { all { } }');
  assert.deepEqual(versions, [
    { version: '3', filePath: join(root, 'm/3/model.onnx/inner.onnx') },
    { version: '2', filePath: join(root, 'm/2/net.onnx') },
    { version: '1', filePath: join(root, 'm/1/model.onnx') },
  ]);
  await assert.rejects(read('default_model_filename: "other.onnx"'), refusedBy(/the model file 3\/other\.onnx does not exist/));
});

test('an operator has versions without files', async () => {
  mkdirSync(join(root, 'm/1'), { recursive: true });
  const definition = await read('backend: "plinth" parameters { key: "operator" value { string_value: "find_text" } }');
  assert.deepEqual(definition.versions, [{ version: '1' }]);
  const { config, tensors } = definition;
  const json = describeConfig({ name: 'm', config, tensors, kind: 'operator', replicaCount: 1, processor: 'cpu' });
  assert.deepEqual([json['platform'], json['backend'], json['default_model_filename']], ['', 'plinth', '']);
});

test('a model without versions cannot be served', async () => {
  put('m/note.txt');
  await assert.rejects(read(), refusedBy(/at least one version must be available under the version policy of model 'm'/));
});

const LABELLED = 'output { name: "y" data_type: TYPE_FP32 dims: 2 label_filename: "labels.txt" }';

test('labels come out of their file, one a line', async () => {
  put('m/1/model.onnx');
  write('m/labels.txt', 'cat\r\n\ndog\n');
  const { tensors } = await read(LABELLED);
  assert.deepEqual(tensors.outputs[0]?.labels, ['cat', '', 'dog']);
});

test('files that a configuration names stay in the folder of the model', async () => {
  put('m/1/model.onnx');
  write('secret', 'root:x');
  await assert.rejects(read(LABELLED), refusedBy(/labels\.txt does not exist/));
  symlinkSync(join(root, 'secret'), join(root, 'm/labels.txt'));
  await assert.rejects(read(LABELLED), refusedBy(/labels\.txt leads out of the model's folder/));
  await assert.rejects(
    read('model_warmup { name: "w" inputs { key: "x" value { data_type: TYPE_FP32 dims: 1 input_data_file: "raw" } } }'),
    refusedBy(/warmup\/raw does not exist/),
  );
});

test('a fingerprint tells which version was changed', async () => {
  put('m/1/model.onnx', 'm/2/model.onnx', 'm/config.pbtxt');
  const take = () => takeFingerprint({ name: 'm', layout: 'versions', path: join(root, 'm') });
  const before = await take();
  assert.deepEqual(await take(), before);
  utimesSync(join(root, 'm/2/model.onnx'), 5, 5);
  const changed = await take();
  assert.deepEqual([changed.common, changed.versions.get('1')], [before.common, before.versions.get('1')]);
  assert.notEqual(changed.versions.get('2'), before.versions.get('2'));
  write('m/config.pbtxt', 'max_batch_size: 1');
  assert.notEqual((await take()).common, before.common);
});

test('the configuration in force says what was given and what was chosen', async () => {
  put('m/1/model.onnx');
  const { config, tensors } = await read(
    'max_batch_size: 2 instance_group { count: 2 } parameters { key: "a" value { string_value: "b" } }',
  );
  const found = { ...tensors, inputs: [{ name: 'x', datatype: 'BYTES' as const, dims: [-1] }] };
  const json = describeConfig({ name: 'm', config, tensors: found, kind: 'onnx', replicaCount: 2, processor: 'cpu' });
  assert.deepEqual(json['input'], [
    {
      name: 'x',
      data_type: 'TYPE_STRING',
      format: 'FORMAT_NONE',
      dims: [-1],
      is_shape_tensor: false,
      allow_ragged_batch: false,
      optional: false,
      is_non_linear_format_io: false,
    },
  ]);
  const { name, platform, max_batch_size: batch, version_policy: policy, parameters } = json;
  assert.deepEqual([name, platform, batch, policy], ['m', 'onnxruntime_onnx', 2, { latest: { num_versions: 1 } }]);
  assert.deepEqual(parameters, { a: { string_value: 'b' } });
  const [group] = json['instance_group'] as ReadonlyArray<Record<string, unknown>>;
  assert.deepEqual([group?.['name'], group?.['kind'], group?.['count']], ['m_0', 'KIND_CPU', 2]);
});
