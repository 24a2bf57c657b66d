import assert from 'node:assert/strict';
import { test } from 'node:test';
import { placesIn } from '../fixture-tree.ts';
import { forbiddenWords } from './forbidden-words.ts';

// Put together here, so that this file itself holds none of them.
const host = ['registry', 'npmjs', 'org'].join('.');
const machinePath = ['', 'root', 'models'].join('/');
const mark = ['TO', 'DO'].join('');

for (const [what, content] of [
  ['a registry host', `const url = 'https://${host}/x';`],
  ['a path of one machine', `const file = '${machinePath}';`],
  ['a mark of unfinished work', `// ${mark}: later`],
] as const) {
  test(`${what} is found in code and in documents`, () => {
    assert.deepEqual(placesIn(forbiddenWords, { 'src/core/a.ts': `\n${content}`, 'docs/a.md': content }), [
      'src/core/a.ts:2',
      'docs/a.md:1',
    ]);
  });
}

test('words and paths that only contain one pass', () => {
  const text = `import './work/x.ts';\nconst a = \`\${home}/work/y\`;\nconst b = 'org/root/z';\nconst c = 'pypi:name==1/file';\nconst methodology = 1;\n`;
  assert.deepEqual(placesIn(forbiddenWords, { 'src/core/a.ts': text }), []);
});
