import assert from 'node:assert/strict';
import { totalmem } from 'node:os';
import { test } from 'node:test';
import { readFreeBytes } from './index.ts';

test('free memory is some and no more than the machine has', async () => {
  const free = await readFreeBytes();
  assert.ok(Number.isFinite(free) && free > 0 && free <= totalmem(), String(free));
});
