import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { GraphPort } from '../../graph.ts';
import { completeConfig } from './complete-config.ts';

const port = (name: string, shape: readonly number[], more: Partial<GraphPort> = {}): GraphPort => ({
  name,
  datatype: 'FP32',
  shape,
  symbols: [],
  isOptional: false,
  ...more,
});
const empty = { inputs: [], outputs: [], parameters: {}, warmup: [] };

test('a graph whose ports are all open in front batches four rows, and merges callers', () => {
  const config = completeConfig('m', undefined, { inputs: [port('x', [-1, 3])], outputs: [port('y', [-1])] });
  assert.equal(config.maxBatchSize, 4);
  assert.deepEqual(config.inputs, [{ name: 'x', datatype: 'FP32', dims: [3] }]);
  assert.deepEqual(config.outputs, [{ name: 'y', datatype: 'FP32', dims: [1], reshape: [] }]);
  assert.equal(config.dynamicBatching?.maxQueueDelayUs, 0);
});

test('a graph with a closed first dimension does not batch', () => {
  const config = completeConfig('m', undefined, { inputs: [port('x', [-1, 3])], outputs: [port('y', [1, 3])] });
  assert.deepEqual([config.maxBatchSize, config.dynamicBatching], [0, undefined]);
  assert.deepEqual(config.inputs[0]?.dims, [-1, 3]);
});

test('a scalar is shown as one element, and a port without a rank as one open dimension', () => {
  const config = completeConfig('m', undefined, {
    inputs: [port('x', []), port('z', [], { isUnranked: true })],
    outputs: [port('y', [2])],
  });
  assert.deepEqual(
    config.inputs.map(({ dims, reshape }) => [dims, reshape]),
    [
      [[1], undefined],
      [[-1], undefined],
    ],
  );
});

test('a whole configuration stays as it is', () => {
  const whole = {
    ...empty,
    inputs: [{ name: 'x', datatype: 'FP32' as const, dims: [3] }],
    outputs: [{ name: 'y', datatype: 'FP32' as const, dims: [3] }],
  };
  assert.deepEqual(completeConfig('m', whole, { inputs: [], outputs: [] }), { ...whole, maxBatchSize: 0 });
});

test('what the scheduler feeds is not shown to callers', () => {
  const sequenceBatching = {
    maxIdleUs: 0,
    strategy: { type: 'direct', maxQueueDelayUs: 0, minimumSlotUtilization: 0 } as const,
    controls: [{ input: 'start', kind: 'start', datatype: 'FP32', falseValue: 0, trueValue: 1 } as const],
    states: [{ inputName: 'in', outputName: 'out', datatype: 'FP32', dims: [1] } as const],
  };
  const config = completeConfig(
    'm',
    { ...empty, sequenceBatching },
    {
      inputs: [port('x', [-1, 1]), port('start', [-1, 1]), port('in', [-1, 1])],
      outputs: [port('y', [-1, 1]), port('out', [-1, 1])],
    },
  );
  assert.deepEqual([config.inputs.map(({ name }) => name), config.outputs.map(({ name }) => name)], [['x'], ['y']]);
});

test('a batch size that the graph cannot keep fails the completion', () => {
  const graph = { inputs: [port('x', [1, 3])], outputs: [port('y', [1, 3])] };
  assert.throws(() => completeConfig('m', { ...empty, maxBatchSize: 8 }, graph), /autofill failed for model 'm'/);
});
