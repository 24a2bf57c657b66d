import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findIn, linesOfCode, placesIn } from '../fixture-tree.ts';
import { functionSizes } from './function-sizes.ts';

const small = Array.from({ length: 60 }, (_, index) => `function small${index}() {}\n`).join('');

test('a function of 60 lines passes and one of 61 is found', () => {
  const text = `${small}function full() {\n${linesOfCode(58)}}\nfunction long() {\n${linesOfCode(59)}}\n`;
  assert.deepEqual(placesIn(functionSizes, { 'src/core/a.ts': text }), ['src/core/a.ts:121']);
});

test('methods, accessors, fields and arrows bound to a name are functions', () => {
  const body = `{\n${linesOfCode(61)}}`;
  const text = `${small}class C {\n  m() ${body}\n  get g() ${body}\n  f = () => ${body}\n}\nconst o = { p: () => ${body}, q() ${body} };\n`;
  const named = findIn(functionSizes, { 'src/core/a.ts': text }).map(({ problem }) => problem.split(' ')[0]);
  assert.deepEqual(named, ['m', 'g', 'f', 'p', 'q']);
});

test('a fourth parameter is found', () => {
  const text = 'function three(a, b, c) {}\nfunction four(a, b, c, d) {}\nclass C { constructor(a, b, c, ...rest) {} }\n';
  assert.deepEqual(placesIn(functionSizes, { 'src/core/a.ts': text }), ['src/core/a.ts:2', 'src/core/a.ts:3']);
});

test('a file that gives its reason may exceed the maxima', () => {
  const text = `// @budget the loop is read as one\n${small}function long(a, b, c, d) {\n${linesOfCode(70)}}\n`;
  assert.deepEqual(placesIn(functionSizes, { 'src/core/a.ts': text }), []);
});

test('the median and the p90 of the tree are held', () => {
  const text = Array.from({ length: 10 }, (_, index) => `function f${index}() {\n${linesOfCode(index < 8 ? 9 : 29)}}\n`).join('');
  const problems = findIn(functionSizes, { 'src/core/a.ts': text }).map(({ problem }) => problem);
  assert.deepEqual(problems, [
    'median of the function lengths is 11; at most 10',
    'p90 of the function lengths is 31; at most 30',
  ]);
});
