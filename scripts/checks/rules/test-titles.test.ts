import assert from 'node:assert/strict';
import { test } from 'node:test';
import { placesIn } from '../fixture-tree.ts';
import { problemOf, testTitles } from './test-titles.ts';

for (const [title, problem] of [
  ['should count the tokens', /starts with "should"/],
  ['it should count the tokens', /starts with "should"/],
  ['counts tokens', /of 2 words/],
  ['tests the token counter', /says that it is a test/],
  ['the counter will overflow', /future tense/],
  ['the counter counts tokens.', /full stop/],
] as const) {
  test(`the title "${title}" is refused`, () => assert.match(problemOf(title) ?? '', problem));
}

test('a sentence in the present tense passes', () => {
  assert.equal(problemOf('the counter counts a token once'), undefined);
});

test('a title that returns in its file is found, also as a subtest', () => {
  const text = [
    `test('a counter counts tokens', async (t) => {`,
    `  await t.test('a counter counts tokens', () => {});`,
    '});',
  ].join('\n');
  assert.deepEqual(placesIn(testTitles, { 'src/core/a.test.ts': text }), ['src/core/a.test.ts:2']);
});

test('a test that leaves others out is found', () => {
  assert.deepEqual(placesIn(testTitles, { 'tests/a.test.ts': `test.only('a counter counts tokens', f);` }), [
    'tests/a.test.ts:1',
  ]);
});

test('suites and calls that only look alike pass', () => {
  const text = `describe('counter', () => {});\npattern.test('x');\ntest(\`the \${name} counts a token\`, f);\n`;
  assert.deepEqual(placesIn(testTitles, { 'src/core/a.test.ts': text }), []);
});
