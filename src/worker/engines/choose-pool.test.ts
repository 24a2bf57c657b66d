import assert from 'node:assert/strict';
import { test } from 'node:test';
import { choosePool } from './choose-pool.ts';

const GIB = 1024 ** 3;
const rows = [
  { title: 'a wish is granted, rounded up to whole blocks', wanted: 1000, trained: 8192, bytes: 1, free: GIB, expected: 1024 },
  { title: 'a small model gets two contexts', wanted: 0, trained: 8192, bytes: 23_040, free: 16 * GIB, expected: 16_384 },
  { title: 'a long context is held to a gibibyte', wanted: 0, trained: 131_072, bytes: 131_072, free: 64 * GIB, expected: 8192 },
  { title: 'little memory means a small pool', wanted: 0, trained: 131_072, bytes: 131_072, free: GIB, expected: 2048 },
  { title: 'a pool is never smaller than a short model needs', wanted: 0, trained: 512, bytes: 131_072, free: 0, expected: 512 },
];

for (const { title, wanted, trained, bytes, free, expected } of rows) {
  test(title, () => {
    const pool = choosePool({ wantedTokens: wanted, trainedTokens: trained, bytesPerToken: bytes, freeBytes: free });
    assert.equal(pool, expected);
  });
}
