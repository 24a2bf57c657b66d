import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chooseReplicaEnvironment } from './choose-replica-environment.ts';

test('places and devices pass, anything that could be a secret does not', () => {
  const given = {
    PATH: '/bin',
    CUDA_VISIBLE_DEVICES: '0',
    HF_TOKEN: 'x',
    PLINTH_API_KEY: 'y',
    NODE_OPTIONS: '--inspect',
    AWS_SECRET_ACCESS_KEY: 'z',
  };
  assert.deepEqual(chooseReplicaEnvironment(given), { PATH: '/bin', CUDA_VISIBLE_DEVICES: '0' });
});
