import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, test } from 'node:test';
import { configSchema } from '../../core/config/index.ts';
import { PlinthError } from '../../core/errors/index.ts';
import type { VersionRecord } from '../../core/records/index.ts';
import { ModelOffers, type RecordableModel } from './index.ts';

const root = mkdtempSync(join(tmpdir(), 'offers-'));
after(() => rmSync(root, { recursive: true }));
const graph = join(root, 'net.onnx');
writeFileSync(graph, '');
mkdirSync(join(root, 'repository', 'simple', '1'), { recursive: true });
writeFileSync(join(root, 'repository', 'simple', '1', 'model.onnx'), '');

function openOffers(models: readonly unknown[], settings: object = {}): ModelOffers {
  return new ModelOffers({ config: configSchema.parse({ models, ...settings }), privateFolder: root });
}

async function recordables(models: readonly unknown[], settings: object = {}): Promise<readonly (RecordableModel | undefined)[]> {
  return (await openOffers(models, settings).readAll()).map(({ recordable }) => recordable);
}

const plain = { stepMs: 0, failEvery: 0 };
const upstream = { url: 'https://example.org/v1', model: 'theirs' };

const cases: ReadonlyArray<readonly [title: string, entry: unknown, recordable: RecordableModel | undefined]> = [
  ['a name of the catalog', 'smollm2', { model: 'smollm2', reference: 'smollm2', settings: plain }],
  ['a relative path', './a.gguf', { model: 'a', reference: `file:${resolve('a.gguf')}`, settings: plain }],
  ['a bare file name', 'b.gguf', { model: 'b', reference: `file:${resolve('b.gguf')}`, settings: plain }],
  ['a source', 'hf:org/repo/c.gguf', { model: 'c', reference: 'hf:org/repo/c.gguf', settings: plain }],
  ['a graph', graph, { model: 'net', reference: `file:${graph}`, settings: plain }],
  [
    'a graph with settings',
    { name: 'x', source: graph, slots: 3 },
    { model: 'x', reference: `file:${graph}`, settings: { slots: 3, ...plain } },
  ],
  ['an echo model', { name: 'e', engine: 'echo' }, { model: 'e', settings: { engine: 'echo', ...plain } }],
  ['an endpoint of others', { name: 'u', upstream }, { model: 'u', settings: { upstream, ...plain } }],
  [
    'an engine build',
    { name: 'l', engine: 'llama', library: 'builds/x' },
    { model: 'l', reference: 'l', settings: { engine: 'llama', library: resolve('builds/x'), ...plain } },
  ],
];

for (const [title, entry, recordable] of cases)
  test(`${title} can be kept as a version`, async () => assert.deepEqual(await recordables([entry]), [recordable]));

test('folders that number their versions themselves, or are watched, are not kept', async () => {
  assert.deepEqual(await recordables([join(root, 'repository')]), [undefined]);
  assert.deepEqual(await recordables([graph], { repository: { controlMode: 'poll' } }), [undefined]);
});

const record = (settings: VersionRecord['settings']): VersionRecord => ({
  model: 'chat',
  version: '4',
  reference: 'smollm2',
  settings,
  madeBy: 'added',
  addedBy: 'local',
  addedAt: 1,
});

test('a version is planned with its own settings over the defaults', () => {
  const { spec, reference, swap } = openOffers(['x'], { engine: { slots: 9 } }).plan(
    record({ threads: 2, swap: 'held', failEvery: 20 }),
  );
  assert.deepEqual(
    [spec.name, spec.version, spec.slots, spec.threads, spec.failEvery, reference, swap],
    ['chat', '4', 9, 2, 20, 'smollm2', 'held'],
  );
});

test('settings that are not known are refused by name', () => {
  assert.throws(
    () => openOffers(['x']).plan(record({ slots: 0, colour: 'red' })),
    (error) => error instanceof PlinthError && error.code === 'invalid_request' && /chat:4 .*slots.*colour/.test(error.message),
  );
});
