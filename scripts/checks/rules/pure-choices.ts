import { posix } from 'node:path';
import { Visitor } from 'oxc-parser';
import type { Finding, Rule } from '../rule.ts';
import type { SourceFile } from '../source-file.ts';

/** Reads of the world: clock, randomness, environment. */
const IMPURE_MEMBERS = new Set([
  'Date.now',
  'Math.random',
  'performance.now',
  'process.env',
  'process.hrtime',
  'crypto.randomUUID',
  'crypto.getRandomValues',
]);
const IMPURE_PACKAGES = /^node:(?!assert|buffer|net|path|url|util)/;

/** `choose-x.ts` is a pure decision: clock, randomness and environment are arguments. */
export const pureChoices: Rule = {
  name: 'pure-choices',
  check: (tree) =>
    [...tree.sources.values()]
      .filter((file) => file.path.startsWith('src/') && !file.isTest && posix.basename(file.path).startsWith('choose-'))
      .flatMap(checkFile),
};

function checkFile(file: SourceFile): Finding[] {
  const findings: Finding[] = [];
  const add = (line: number, what: string) =>
    findings.push({ file: file.path, line, problem: `a pure decision reads ${what}`, remedy: 'take it as an argument' });
  for (const { specifier, line } of file.imports) if (IMPURE_PACKAGES.test(specifier)) add(line, specifier);
  new Visitor({
    MemberExpression(node) {
      if (node.object.type !== 'Identifier' || node.property.type !== 'Identifier') return;
      const member = `${node.object.name}.${node.property.name}`;
      if (IMPURE_MEMBERS.has(member)) add(file.lineAt(node.start), member);
    },
    NewExpression(node) {
      if (node.callee.type === 'Identifier' && node.callee.name === 'Date' && node.arguments.length === 0)
        add(file.lineAt(node.start), 'new Date()');
    },
  }).visit(file.parsed.program);
  return findings;
}
