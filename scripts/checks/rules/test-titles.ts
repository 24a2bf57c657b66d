import { Visitor, type Argument, type CallExpression, type Expression } from 'oxc-parser';
import type { Finding, Rule } from '../rule.ts';
import type { SourceFile } from '../source-file.ts';

const TEST_CALLS = new Set(['test', 'it', 't.test', 'test.skip', 'it.skip']);
const UNFINISHED_CALLS = new Set([
  'test.only',
  'it.only',
  'test.todo',
  'it.todo',
  'describe.only',
  'describe.todo',
  'suite.only',
]);
const FEWEST_WORDS = 3;

/** Titles are sentences in the present tense, unique per file. */
export const testTitles: Rule = {
  name: 'test-titles',
  check: (tree) => [...tree.sources.values()].filter((file) => file.isTest).flatMap(checkFile),
};

function checkFile(file: SourceFile): Finding[] {
  const findings: Finding[] = [];
  const seen = new Map<string, number>();
  new Visitor({
    CallExpression(node) {
      const callee = nameOf(node.callee);
      const line = file.lineAt(node.start);
      if (UNFINISHED_CALLS.has(callee)) {
        findings.push({ file: file.path, line, problem: `${callee} leaves tests out`, remedy: 'run every test' });
      }
      const title = TEST_CALLS.has(callee) ? titleOf(file, node) : undefined;
      if (title === undefined) return;
      const problem = seen.has(title) ? `title of line ${seen.get(title)} again: "${title}"` : problemOf(title);
      if (problem !== undefined) {
        findings.push({ file: file.path, line, problem, remedy: 'say in a sentence in the present tense what holds' });
      }
      seen.set(title, line);
    },
  }).visit(file.parsed.program);
  return findings;
}

/** What is wrong with a title by itself. */
export function problemOf(title: string): string | undefined {
  const words = title.split(/\s+/);
  // What a placeholder stands for is not known here.
  if (words.length < FEWEST_WORDS && !title.includes('${')) return `title of ${words.length} words: "${title}"`;
  if (/^(?:it |they )?should\b/i.test(title)) return `title starts with "should": "${title}"`;
  if (/^(?:tests? (?:that|the|whether|if|for)|checks? that|verif(?:y|ies))\b/i.test(title))
    return `title says that it is a test: "${title}"`;
  if (/\bwill\b/i.test(title)) return `title in the future tense: "${title}"`;
  if (title.endsWith('.')) return `title ends with a full stop: "${title}"`;
  return undefined;
}

function nameOf(callee: Expression): string {
  if (callee.type === 'Identifier') return callee.name;
  if (callee.type !== 'MemberExpression' || callee.computed || callee.object.type !== 'Identifier') return '';
  return callee.property.type === 'Identifier' ? `${callee.object.name}.${callee.property.name}` : '';
}

function titleOf(file: SourceFile, call: CallExpression): string | undefined {
  const first: Argument | undefined = call.arguments[0];
  if (first?.type === 'Literal' && typeof first.value === 'string') return first.value;
  if (first?.type === 'TemplateLiteral') return file.text.slice(first.start + 1, first.end - 1);
  return undefined;
}
