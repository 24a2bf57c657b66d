import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RoutedModel } from '../../core/messages/index.ts';
import type { EnsembleStep, TensorModelConfig } from '../../core/models/index.ts';
import { chooseEnsembleStates } from './choose-ensemble-state.ts';

const port = (name: string) => ({ name, datatype: 'FP32' as const, dims: [1] });

function model(name: string, config: Partial<TensorModelConfig>, state?: 'ready' | 'draining', version = '1'): RoutedModel {
  const replicas = state === undefined ? [] : [{ id: `${name}-${version}`, state, socketPath: '/s', slots: 1 }];
  const complete = { inputs: [port('x')], outputs: [port('y')], maxBatchSize: 0, parameters: {}, warmup: [], ...config };
  return {
    name,
    version,
    createdAt: 1,
    replicas,
    queueLength: 1,
    queueTimeoutMs: 1,
    facts: {
      architecture: '',
      parameterCount: 0,
      quantization: '',
      fileBytes: 0,
      engine: '',
      contextTokens: 0,
      embeddingDimensions: 0,
      slots: 1,
      capabilities: ['tensors'],
      tensors: { config: complete, platform: '', configJson: {} },
    },
  };
}

const step = (name: string, change: Partial<EnsembleStep> = {}): EnsembleStep => ({
  model: name,
  inputMap: { x: 'a' },
  outputMap: { y: 'b' },
  ...change,
});

const ensemble = (name: string, ...ensembleSteps: readonly EnsembleStep[]) => model(name, { ensembleSteps });

const failureOf = (...models: readonly RoutedModel[]): string | undefined =>
  chooseEnsembleStates(models).find(({ name }) => name === 'e')?.failure;

const ready = model('m', {}, 'ready');

const cases: ReadonlyArray<readonly [title: string, models: readonly RoutedModel[], failure: string | undefined]> = [
  ['whose steps serve is ready', [ensemble('e', step('m')), ready], undefined],
  ['needs its models', [ensemble('e', step('m'))], "ensemble 'e' depends on 'm' which has no loaded version"],
  ['needs them ready', [ensemble('e', step('m')), model('m', {}, 'draining')], "ensemble 'e' depends on 'm' which is not ready"],
  ['takes any version that serves', [ensemble('e', step('m')), ready, model('m', {}, undefined, '2')], undefined],
  [
    'needs the version that it names',
    [ensemble('e', step('m', { version: '2' })), ready],
    "ensemble 'e' depends on 'm' which has no loaded version 2",
  ],
  [
    'may name only inputs that are there',
    [ensemble('e', step('m', { inputMap: { z: 'a' } })), ready],
    "ensemble 'e' depends on 'm' which has no input 'z'",
  ],
  [
    'may name only outputs that are there',
    [ensemble('e', step('m', { outputMap: { z: 'b' } })), ready],
    "ensemble 'e' depends on 'm' which has no output 'z'",
  ],
  [
    'gives a step all that it needs',
    [ensemble('e', step('m')), model('m', { inputs: [port('x'), port('w')] }, 'ready')],
    "ensemble 'e' depends on 'm' which needs the input 'w' that the ensemble does not give it",
  ],
  [
    'need not give what is optional',
    [ensemble('e', step('m')), model('m', { inputs: [port('x'), { ...port('w'), isOptional: true }] }, 'ready')],
    undefined,
  ],
  ['can be a step of another', [ensemble('e', step('f')), ensemble('f', step('m')), ready], undefined],
  [
    'is not ready when a step of a step is not',
    [ensemble('e', step('f')), ensemble('f', step('m'))],
    "ensemble 'e' depends on 'f' which is not ready: ensemble 'f' depends on 'm' which has no loaded version",
  ],
  [
    'cannot be a step of itself',
    [ensemble('e', step('f')), ensemble('f', step('e'))],
    "ensemble 'e' depends on 'f' which is not ready: ensemble 'f' depends on 'e' which depends on it in turn: " +
      'circular dependency between ensembles',
  ],
];

for (const [title, models, failure] of cases) test(`an ensemble ${title}`, () => assert.equal(failureOf(...models), failure));

test('ensembles in ensembles that come to very many steps are refused at once', () => {
  const many = (name: string) => Array.from({ length: 200 }, (_, at) => step(name, { outputMap: { y: `b${at}` } }));
  const nested = ['m', 'e0', 'e1', 'e2', 'e3', 'e4'].map((name, at) => ensemble(at === 5 ? 'e' : `e${at}`, ...many(name)));
  assert.match(failureOf(ready, ...nested) ?? '', /more than 1024 steps in all$/);
});
