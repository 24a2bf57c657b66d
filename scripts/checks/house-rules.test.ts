import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { formatFinding, judge } from './house-rules.ts';
import type { Rule } from './rule.ts';
import { houseRules } from './rules/index.ts';
import { buildSourceTree, readSourceTree } from './source-tree.ts';

const shout: Rule = {
  name: 'shout',
  check: (tree) => [...tree.sources.keys()].map((file) => ({ file, line: 3, problem: `${file} is quiet`, remedy: 'shout' })),
};

test('an allowance takes its finding out of the verdict', () => {
  const tree = buildSourceTree(new Map(Object.entries({ 'src/a.ts': '', 'src/b.ts': '' })));
  const allowance = { rule: 'shout', file: 'src/a.ts', subject: 'quiet', reason: 'it sleeps' };
  const verdicts = judge(tree, { rules: [shout], allowances: [allowance] });
  assert.deepEqual(
    verdicts.flatMap(({ findings }) => findings).map(({ file }) => file),
    ['src/b.ts'],
  );
});

test('an allowance that allows nothing is a finding', () => {
  const verdicts = judge(buildSourceTree(new Map()), {
    rules: [shout],
    allowances: [{ rule: 'shout', file: 'src/a.ts', subject: 'quiet', reason: 'it sleeps' }],
  });
  assert.match(
    verdicts.flatMap(({ findings }) => findings)[0]?.problem ?? '',
    /allowance of shout for quiet in src\/a\.ts allows nothing/,
  );
});

test('a file that does not parse is a finding with its line', () => {
  const verdicts = judge(buildSourceTree(new Map([['src/core/a.ts', 'f();\nconst = 1;\n']])), { rules: [], allowances: [] });
  assert.deepEqual(
    verdicts.flatMap(({ findings }) => findings).map(({ file, line }) => [file, line]),
    [['src/core/a.ts', 2]],
  );
});

test('a finding names place, rule, problem and remedy on one line', () => {
  const line = formatFinding('doors', { file: 'src/a.ts', line: 7, problem: 'it leaks', remedy: 'close it' });
  assert.equal(line, 'src/a.ts:7  doors: it leaks. To mend: close it.');
});

test('the tree on disk is what git tracks or would track', (t) => {
  const root = mkdtempSync(join(tmpdir(), 'plinth-checks-'));
  t.after(() => rmSync(root, { recursive: true }));
  for (const folder of ['src/core', 'dist']) mkdirSync(join(root, folder), { recursive: true });
  writeFileSync(join(root, '.gitignore'), 'dist/\n');
  writeFileSync(join(root, 'src/core/utils.ts'), 'export const a = 1;\n');
  writeFileSync(join(root, 'dist/utils.ts'), 'export const b = 1;\n');
  execFileSync('git', ['init', '--quiet'], { cwd: root });
  const verdicts = judge(readSourceTree(root), { rules: houseRules, allowances: [] });
  const places = verdicts.flatMap(({ rule, findings }) => findings.map(({ file }) => `${rule} ${file}`));
  assert.deepEqual(places, ['banned-names src/core/utils.ts', 'unused-exports src/core/utils.ts']);
});
