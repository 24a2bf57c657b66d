import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PlinthError } from '../errors/index.ts';
import { createLogger } from './logger.ts';

function logged(err: unknown): { readonly err: Record<string, unknown> } {
  let line = '';
  createLogger({ level: 'info', destination: { write: (text) => (line += text) } }).error({ err }, 'it failed');
  return JSON.parse(line) as { err: Record<string, unknown> };
}

test('an error of the product is logged by its code and words, without a trace', () => {
  const error = new PlinthError({ code: 'model_not_found', message: 'no such file' });
  assert.deepEqual(logged(error).err, { code: 'model_not_found', message: 'no such file' });
});

test('a defect is logged with its trace', () => {
  assert.match(String(logged(new TypeError('broken')).err['stack']), /^TypeError: broken\n +at /);
});
