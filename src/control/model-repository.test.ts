import assert from 'node:assert/strict';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { writeSimpleRepository } from '../../tests/support/simple-repository.ts';
import { configSchema } from '../core/config/index.ts';
import { PlinthError } from '../core/errors/index.ts';
import type { RoutedModel, RoutingSnapshot } from '../core/messages/index.ts';
import { createLogger, createMetrics } from '../core/telemetry/index.ts';
import { startControl, type Control } from './control.ts';
import type { ModelStore } from './registry/index.ts';
import { openControlGround, type ControlGround } from '../../tests/support/control-ground.ts';

const SCRIPTED = fileURLToPath(new URL('../../tests/replicas/scripted-replica.ts', import.meta.url));

let root: string;
let models: string;
let ground: ControlGround | undefined;
let control: Control;
let snapshots: RoutingSnapshot[];

const store: ModelStore = {
  obtain: () => Promise.reject(new PlinthError({ code: 'model_not_found', message: 'No such model.' })),
  list: async () => [],
  find: async () => undefined,
  remove: async () => false,
};

beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), 'fleet-'));
  models = join(root, 'models');
  await writeSimpleRepository(models);
  for (const name of ['identity_fp32', 'identity_int64']) rmSync(join(models, name), { recursive: true });
});

afterEach(async () => {
  await control.stop();
  await ground?.close();
  rmSync(root, { recursive: true, force: true });
});

async function start(settings: object = {}, entries: readonly unknown[] = [models]): Promise<void> {
  ground = await openControlGround(join(root, 'home'));
  control = await startControl({
    ...ground.parts,
    config: configSchema.parse({ home: join(root, 'home'), managementPort: 0, models: entries, ...settings }),
    store,
    keyring: { verify: () => undefined },
    metrics: createMetrics(),
    logger: createLogger({ level: 'silent' }),
    localToken: 'token',
    onDrainRequested: () => undefined,
    workerPath: SCRIPTED,
  });
  snapshots = [control.current()];
  control.subscribe((snapshot) => snapshots.push(snapshot));
  await control.whenSettled();
}

const readyIds = (model: RoutedModel | undefined): readonly string[] =>
  (model?.replicas ?? []).filter(({ state }) => state === 'ready').map(({ id }) => id);

const routed = (version = '1', name = 'simple'): RoutedModel | undefined =>
  control.current().models.find((model) => model.name === name && model.version === version);

const states = (): readonly string[] =>
  control.repository
    .index()
    .map(({ name, version, state, reason }) => [name, version, state, reason].filter((part) => part).join(' '));

async function until(isTrue: () => boolean): Promise<void> {
  while (!isTrue()) await sleep(20);
}

/** Adds or replaces a version of the model `simple`. */
function addVersion(version: string): void {
  cpSync(join(models, 'simple', '1'), join(models, 'simple', version), { recursive: true });
}

function configure(text: string, name = 'simple'): void {
  writeFileSync(join(models, name, 'config.pbtxt'), text);
}

const refusedBy = (problem: RegExp) => (error: unknown) => error instanceof PlinthError && problem.test(error.message);

const ALL_VERSIONS = 'version_policy { all { } }';

test('the version policy says which versions are served', async () => {
  addVersion('2');
  addVersion('10');
  mkdirSync(join(models, 'simple', '011'));
  configure('version_policy { latest { num_versions: 2 } }');
  await start();
  await until(() => states().every((state) => state.endsWith('READY')));
  assert.deepEqual(states(), ['simple 2 READY', 'simple 10 READY']);
  assert.deepEqual(
    control.replicas().map(({ version }) => version),
    ['10', '2'],
  );
});

test('a model that cannot be read is named with its reason and leaves the others alone', async () => {
  mkdirSync(join(models, 'broken', '1'), { recursive: true });
  configure('max_batch_size: many', 'broken');
  await start();
  await until(() => control.current().isReady);
  assert.match(states()[0] ?? '', /^broken UNAVAILABLE config\.pbtxt:1:17: expected a whole number/);
  assert.deepEqual(
    control.current().models.map(({ name }) => name),
    ['simple'],
  );
  assert.match(control.failureOf('broken') ?? '', /config\.pbtxt:1:17/);
});

test('a file that is no model does not reach a replica', async () => {
  writeFileSync(join(models, 'simple', '1', 'model.onnx'), 'no graph');
  await start();
  assert.match(states()[0] ?? '', /^simple 1 UNAVAILABLE .*model file/);
  assert.deepEqual(control.replicas(), []);
});

test('a load of what is loaded brings up a new replica before the old one leaves', async () => {
  await start();
  const before = readyIds(routed());
  await control.repository.load('simple');
  await until(() => routed()?.replicas.length === 1);
  assert.notDeepEqual(readyIds(routed()), before);
  const gaps = snapshots.filter(({ models: [model], isReady }) => isReady && readyIds(model).length === 0);
  assert.deepEqual(gaps, []);
  assert.ok(snapshots.some(({ models: [model] }) => model?.replicas.some(({ state }) => state === 'draining')));
  const [old] = before;
  const sightings = snapshots.map(({ models: [model] }) => model?.replicas.some(({ id }) => id === old) ?? false);
  const whileThere = sightings.slice(sightings.indexOf(true), sightings.lastIndexOf(true));
  assert.ok(!whileThere.includes(false), 'what leaves is in every snapshot until it is gone');
});

test('an unloaded model takes no requests at once, and its versions stay in the index', async () => {
  await start();
  await control.repository.unload('simple', 'keep');
  assert.deepEqual([routed()?.isHeld, readyIds(routed())], [true, []]);
  assert.deepEqual(states(), ['simple 1 UNLOADING']);
  await until(() => routed() === undefined);
  assert.deepEqual(states(), ['simple 1 UNAVAILABLE unloaded']);
  assert.equal(control.current().isReady, true);
  await control.repository.load('simple');
  assert.deepEqual(states(), ['simple 1 READY']);
});

test('a load that fails leaves what serves in its place', async () => {
  await start();
  const before = readyIds(routed());
  configure('input { }');
  await assert.rejects(control.repository.load('simple'), refusedBy(/^failed to load 'simple', model input must specify 'name'/));
  writeFileSync(join(models, 'simple', '1', 'model.onnx'), 'no graph');
  configure('');
  await assert.rejects(control.repository.load('simple'), refusedBy(/^failed to load 'simple', /));
  await until(() => routed()?.replicas.length === 1);
  assert.deepEqual(readyIds(routed()), before);
});

test('in explicit mode nothing is loaded until it is asked for', async () => {
  await start({ repository: { controlMode: 'explicit' } });
  assert.deepEqual([states(), control.modelNames, control.current().isReady], [['simple'], [], true]);
  await control.repository.load('simple');
  assert.deepEqual(states(), ['simple 1 READY']);
  cpSync(join(models, 'simple'), join(models, 'later'), { recursive: true });
  configure('', 'later');
  await control.repository.load('later');
  assert.equal(readyIds(routed('1', 'later')).length, 1);
  await assert.rejects(
    control.repository.load('nobody'),
    refusedBy(/^failed to load 'nobody', failed to poll from model repository/),
  );
});

test('in explicit mode the named models are loaded at start', async () => {
  await start({ repository: { controlMode: 'explicit', loadModels: ['*'] } });
  assert.deepEqual(control.modelNames, ['simple']);
});

test('names to be loaded that are not there, or in another mode, end the start', async () => {
  const missing = /^repository.loadModels names 'nobody', and none of the configured folders has a model of that name/;
  await assert.rejects(start({ repository: { controlMode: 'explicit', loadModels: ['simple', 'nobody'] } }), refusedBy(missing));
  await assert.rejects(start({ repository: { loadModels: ['simple'] } }), refusedBy(/needs repository.controlMode explicit/));
  await start();
});

test('a configuration may be megabytes long, the words about what is wrong with it are not', async () => {
  await start({ repository: { controlMode: 'explicit' } });
  configure(`name: "${'x'.repeat(1_000_000)}"`);
  await assert.rejects(control.repository.load('simple'), (error) => error instanceof PlinthError && error.message.length < 2000);
});

test('a load can bring its configuration and its files, which live in a private folder as long as they are used', async () => {
  await start();
  const file = readFileSync(join(models, 'simple', '1', 'model.onnx'));
  const files = new Map([
    ['7/model.onnx', file],
    ['labels.txt', Buffer.from('a\nb\n')],
  ]);
  const output = { name: 'OUTPUT0', data_type: 'TYPE_INT32', dims: [16], label_filename: 'labels.txt' };
  await control.repository.load('simple', { config: { max_batch_size: 2, output: [output] }, files });
  assert.deepEqual(states(), ['simple 1 UNLOADING', 'simple 7 READY']);
  const run = join(root, 'home', 'run');
  const sent = () => readdirSync(run, { recursive: true }).filter((path) => String(path).endsWith('labels.txt'));
  assert.equal(sent().length, 1);
  await control.repository.load('simple', { config: { name: 'new', max_batch_size: 1 } }).catch(() => undefined);
  await control.repository.load('new', { config: {}, files });
  await control.repository.load('simple');
  await until(() => sent().length === 1 && states().includes('simple 7 UNAVAILABLE unloaded'));
  assert.ok(states().includes('new 7 READY'));
});

const badPaths = ['../x', '/etc/x', 'a//b', 'a/./b', 'a\\b', ''];

for (const path of badPaths) {
  test(`a file ${JSON.stringify(path)} of a load is refused`, async () => {
    await start();
    const files = new Map([[path, Buffer.from('x')]]);
    await assert.rejects(
      control.repository.load('simple', { config: {}, files }),
      refusedBy(/must be a path inside the model's folder/),
    );
    assert.ok(!existsSync(join(root, 'home', 'run', 'x')));
  });
}

test('poll mode follows versions, configurations and models that come and go', async () => {
  await start({ repository: { controlMode: 'poll', pollMs: 100 } });
  const first = readyIds(routed());
  await assert.rejects(
    control.repository.load('simple'),
    refusedBy(/^explicit model load \/ unload is not allowed if polling is enabled$/),
  );
  configure(ALL_VERSIONS);
  await until(() => readyIds(routed()).some((id) => !first.includes(id)));
  const second = readyIds(routed());
  addVersion('2');
  await until(() => readyIds(routed('2')).length === 1);
  assert.deepEqual(readyIds(routed()), second, 'a version that did not change goes on');
  rmSync(join(models, 'simple', '1'), { recursive: true });
  await until(() => routed() === undefined);
  cpSync(join(models, 'simple'), join(models, 'other'), { recursive: true });
  await until(() => readyIds(routed('2', 'other')).length === 1);
  rmSync(join(models, 'simple'), { recursive: true });
  await until(() => states().join() === 'other 2 READY');
});

function addEnsemble(name: string, model: string): void {
  mkdirSync(join(models, name, '1'), { recursive: true });
  const port = (kind: string, tensor: string) => `${kind} { name: "${tensor}" data_type: TYPE_INT32 dims: 16 }`;
  const map = (kind: string, inner: string, outer: string) => `${kind} { key: "${inner}" value: "${outer}" }`;
  configure(
    `platform: "ensemble" max_batch_size: 8 ${port('input', 'A')} ${port('output', 'B')}
     ensemble_scheduling { step { model_name: "${model}" model_version: -1 ${map('input_map', 'A', 'A')} ${map('output_map', 'B', 'B')} } }`,
    name,
  );
}

test('an ensemble is in the snapshot without replicas, with what keeps it from answering', async () => {
  addEnsemble('both', 'simple');
  await start({ repository: { controlMode: 'explicit' } });
  await control.repository.load('both');
  const both = () => routed('1', 'both');
  assert.deepEqual([both()?.replicas, both()?.facts?.tensors?.platform], [[], 'ensemble']);
  // The scripted replica says nothing of tensors.
  assert.equal(both()?.failure, "ensemble 'both' depends on 'simple' which takes no tensors");
  assert.ok(states().includes('simple 1 READY'), 'its step was loaded with it');
  await control.repository.unload('both', 'unload');
  await until(() => states().join() === 'both 1 UNAVAILABLE unloaded,simple 1 UNAVAILABLE unloaded');
});

test('ensembles that need each other are refused', async () => {
  addEnsemble('one', 'two');
  addEnsemble('two', 'one');
  await start({ repository: { controlMode: 'explicit' } });
  await assert.rejects(control.repository.load('one'), refusedBy(/circular dependency between ensembles: one → two/));
});

test('an ensemble that is loaded at start brings its steps with it', async () => {
  addEnsemble('both', 'simple');
  await start({ repository: { controlMode: 'explicit', loadModels: ['both'] } });
  await until(() => states().includes('simple 1 READY'));
});

test('replicas on a graphics processor are refused by name unless the configuration has one', async () => {
  configure('instance_group [ { count: 2 kind: KIND_GPU } ]');
  await start();
  assert.match(
    states().join(),
    /simple UNAVAILABLE instance_group\.kind: KIND_GPU cannot be honoured while onnx\.executionProvider is cpu/,
  );
  await control.stop();
  await start({ onnx: { executionProvider: 'cuda' } });
  await until(() => readyIds(routed()).length === 2);
});

test('a broken file that is mended is loaded when it is followed', async () => {
  const good = readFileSync(join(models, 'simple', '1', 'model.onnx'));
  writeFileSync(join(models, 'simple', '1', 'model.onnx'), 'no graph');
  await start({ repository: { controlMode: 'poll', pollMs: 100 } });
  assert.match(states()[0] ?? '', /^simple 1 UNAVAILABLE/);
  writeFileSync(join(models, 'simple', '1', 'model.onnx'), good);
  await until(() => states().join() === 'simple 1 READY');
});
