import { spawn } from 'node:child_process';
import { allowances } from './allowances.ts';
import { formatFinding, judge } from './house-rules.ts';
import { houseRules } from './rules/index.ts';
import { readSourceTree, type SourceTree } from './source-tree.ts';

export interface CheckResult {
  readonly name: string;
  readonly isPassed: boolean;
  /** Lines for the reader; empty when there is nothing to say. */
  readonly report: string;
  readonly elapsedMs: number;
}

/** Type check, lint, format and house rules of the repository at `root`, side by side. */
export async function runChecks(root: string): Promise<CheckResult[]> {
  const tree = readSourceTree(root);
  const formatted = [...tree.texts.keys()].filter((path) => FORMATTED.test(path));
  const tools = [
    runTool(root, { name: 'types', command: ['tsc', '--project', '.', '--pretty', 'false'] }),
    runTool(root, {
      name: 'lint',
      command: ['oxlint', '--deny-warnings', '--report-unused-disable-directives', '--format=unix'],
    }),
    runTool(root, {
      name: 'format',
      command: ['prettier', '--check', '--log-level=warn', '--cache', '--cache-strategy=content', ...formatted],
    }),
  ];
  const house = holdHouseRules(tree);
  return [...(await Promise.all(tools)), house];
}

/** Named one by one: a search through the tree would walk what lies in it untracked, such as fetched benchmark peers. */
const FORMATTED = /\.(?:ts|mjs|js|json|md|ya?ml)$/;

interface Tool {
  readonly name: string;
  readonly command: readonly [program: string, ...parameters: string[]];
}

function runTool(root: string, { name, command }: Tool): Promise<CheckResult> {
  const begun = performance.now();
  const [program, ...parameters] = command;
  return new Promise((resolve) => {
    const child = spawn(program, parameters, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
    let report = '';
    const finish = (isPassed: boolean) =>
      resolve({ name, isPassed, report: isPassed ? '' : report.trimEnd(), elapsedMs: performance.now() - begun });
    child.stdout.setEncoding('utf8').on('data', (text: string) => (report += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (report += text));
    child.on('error', (error) => {
      report += `cannot run ${program}: ${error.message}. Run it as npm run check, after npm ci.`;
      finish(false);
    });
    child.on('close', (code) => finish(code === 0));
  });
}

function holdHouseRules(tree: SourceTree): CheckResult {
  const begun = performance.now();
  const verdicts = judge(tree, { rules: houseRules, allowances });
  const lines = verdicts.flatMap(({ rule, findings }) => findings.map((finding) => formatFinding(rule, finding)));
  return { name: 'house rules', isPassed: lines.length === 0, report: lines.join('\n'), elapsedMs: performance.now() - begun };
}
