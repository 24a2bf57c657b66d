import type { Allowance } from './allowances.ts';
import type { Finding, Rule } from './rule.ts';
import type { SourceTree } from './source-tree.ts';

export interface Verdict {
  readonly rule: string;
  readonly findings: readonly Finding[];
}

export interface HouseLaw {
  readonly rules: readonly Rule[];
  readonly allowances: readonly Allowance[];
}

/** Holds a tree against the rules. Allowed findings are left out; a file that does not parse and an idle allowance are findings. */
export function judge(tree: SourceTree, law: HouseLaw): Verdict[] {
  const idle = new Set(law.allowances);
  const verdicts = law.rules.map((rule) => ({
    rule: rule.name,
    findings: rule.check(tree).filter((finding) => {
      const allowance = law.allowances.find((candidate) => isAllowing(candidate, rule, finding));
      if (allowance !== undefined) idle.delete(allowance);
      return allowance === undefined;
    }),
  }));
  return [
    { rule: 'syntax', findings: syntaxFindings(tree) },
    ...verdicts,
    { rule: 'allowances', findings: [...idle].map(idleFinding) },
  ];
}

function isAllowing(allowance: Allowance, rule: Rule, finding: Finding): boolean {
  return allowance.rule === rule.name && allowance.file === finding.file && finding.problem.includes(allowance.subject);
}

function idleFinding(allowance: Allowance): Finding {
  return {
    file: 'scripts/checks/allowances.ts',
    problem: `the allowance of ${allowance.rule} for ${allowance.subject} in ${allowance.file} allows nothing`,
    remedy: 'delete it',
  };
}

function syntaxFindings(tree: SourceTree): Finding[] {
  return [...tree.sources.values()].flatMap((file) =>
    file.parsed.errors.map((error) => ({
      file: file.path,
      line: file.lineAt(error.labels[0]?.start ?? 0),
      problem: error.message,
      remedy: 'mend the syntax',
    })),
  );
}

/** `src/x.ts:3  doors  problem. remedy` */
export function formatFinding(rule: string, finding: Finding): string {
  const place = finding.line === undefined ? finding.file : `${finding.file}:${finding.line}`;
  return `${place}  ${rule}: ${finding.problem}. To mend: ${finding.remedy}.`;
}
