import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ErrorCode } from '../../core/errors/index.ts';
import { chooseObtainRetry } from './choose-obtain-retry.ts';

const rows: ReadonlyArray<readonly [code: ErrorCode, failures: number, expectedMs: number | undefined]> = [
  ['model_unavailable', 1, 5_000],
  ['model_unavailable', 3, 20_000],
  ['model_unavailable', 50, 300_000],
  ['internal_error', 1, 5_000],
  ['model_not_found', 1, undefined],
  ['invalid_model_file', 1, undefined],
  ['insufficient_storage', 1, undefined],
];

for (const [code, failures, expectedMs] of rows) {
  test(`after ${failures} times ${code} the sources are asked again in ${expectedMs ?? 'no'} ms`, () => {
    assert.equal(chooseObtainRetry({ error: { code, message: '' }, failures, jitter: 0.5 }), expectedMs);
  });
}
