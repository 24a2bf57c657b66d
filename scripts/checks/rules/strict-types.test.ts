import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findIn, placesIn } from '../fixture-tree.ts';
import { strictTypes } from './strict-types.ts';

test('any, a cast through unknown and a silenced error are found', () => {
  const text = [
    'let a: any;',
    'const b = c as unknown as string;',
    '// @ts-expect-error it fails',
    'd();',
    'type E = Record<string, any>;',
  ].join('\n');
  const findings = findIn(strictTypes, { 'tests/a.ts': text });
  assert.deepEqual(
    findings.map(({ line, problem }) => [line, problem]),
    [
      [1, 'any'],
      [2, 'as unknown as'],
      [5, 'any'],
      [3, '@ts-expect-error'],
    ],
  );
});

test('the word any in text and a cast of a parsed value pass', () => {
  const text = `/** any of them */\nconst a = 'any';\nconst b = JSON.parse(a) as unknown;\n`;
  assert.deepEqual(placesIn(strictTypes, { 'src/core/a.ts': text }), []);
});

test('a boolean parameter of a contract is found', () => {
  const text = [
    'export interface Stage {',
    '  run(isFast: boolean): void;',
    '  stop(force?: boolean | undefined): void;',
    '}',
    'type Callback = (isDone: boolean) => void;',
  ].join('\n');
  assert.deepEqual(placesIn(strictTypes, { 'src/core/a.ts': text }), ['src/core/a.ts:2', 'src/core/a.ts:3', 'src/core/a.ts:5']);
});

test('a boolean that is a field, a result or an option passes', () => {
  const text = 'interface A {\n  isReady: boolean;\n  check(): boolean;\n  run(options: { isFast: boolean }): void;\n}\n';
  assert.deepEqual(placesIn(strictTypes, { 'src/core/a.ts': text }), []);
});
