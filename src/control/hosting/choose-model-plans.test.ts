import assert from 'node:assert/strict';
import { test } from 'node:test';
import { configSchema } from '../../core/config/index.ts';
import { PlinthError } from '../../core/errors/index.ts';
import { chooseModelPlans, nameOfReference } from './choose-model-plans.ts';

const names: ReadonlyArray<readonly [reference: string, name: string]> = [
  ['smollm2', 'smollm2'],
  ['models/My Model.Q4_K.gguf', 'My-Model.Q4_K'],
  ['./a.gguf', 'a'],
  ['C:\\models\\b.gguf', 'b'],
  ['hf:org/repo/file.Q8_0.gguf@main', 'file.Q8_0'],
  ['https://example.org/x/y.gguf?download=true', 'y'],
  ['pypi:pack==1.2/inside/z.GGUF', 'z'],
  ['file:///srv/.hidden.gguf', 'hidden'],
  ['/srv/☃.gguf', 'model'],
  ['./my model/', 'my-model'],
  ['./net.onnx', 'net'],
];

for (const [reference, name] of names) {
  test(`${reference} is served as ${name}`, () => assert.equal(nameOfReference(reference), name));
}

test('a plain entry takes every default and is obtained by what was written', () => {
  const config = configSchema.parse({ models: ['./a.gguf'], engine: { slots: 4, replicas: 2 }, queue: { length: 9 } });
  const [plan] = chooseModelPlans(config);
  assert.equal(plan?.reference, './a.gguf');
  assert.equal(plan?.replicaCount, 2);
  assert.deepEqual(plan?.spec, {
    name: 'a',
    version: '1',
    engine: 'llama',
    task: 'generate',
    onnx: { executionProvider: 'cpu', intraOpThreads: 0, spinning: 'off', memoryArena: 'on' },
    slots: 4,
    contextTokens: 0,
    threads: 0,
    gpuLayers: -1,
    memoryLimitBytes: 0,
    queueLength: 9,
    queueTimeoutMs: 60_000,
    stepMs: 0,
  });
});

test('what a model says of itself outweighs the defaults', () => {
  const config = configSchema.parse({
    models: [{ name: 'x', source: 'smollm2', slots: 1, threads: 3, replicas: 5, queueLength: 0 }],
  });
  const [plan] = chooseModelPlans(config);
  assert.deepEqual(
    [plan?.reference, plan?.replicaCount, plan?.spec.slots, plan?.spec.threads, plan?.spec.queueLength],
    ['smollm2', 5, 1, 3, 0],
  );
});

test('a model without a source is obtained by its name, an echo model not at all', () => {
  const config = configSchema.parse({
    models: [
      { name: 'm', engine: 'llama' },
      { name: 'e', engine: 'echo', stepMs: 5 },
    ],
  });
  const [llama, echo] = chooseModelPlans(config);
  assert.equal(llama?.reference, 'm');
  assert.equal(echo?.reference, undefined);
  assert.equal(echo?.spec.stepMs, 5);
});

test('two models of one name are refused by that name', () => {
  const config = configSchema.parse({ models: ['a/x.gguf', 'b/x.gguf'] });
  assert.throws(
    () => chooseModelPlans(config),
    (error) => error instanceof PlinthError && error.code === 'invalid_request' && error.message.includes("'x'"),
  );
});
