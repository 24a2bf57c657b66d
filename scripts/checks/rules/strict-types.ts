import { Visitor, type ParamPattern, type TSType } from 'oxc-parser';
import { nameOfKey } from '../functions.ts';
import type { Finding, Rule } from '../rule.ts';
import type { SourceFile } from '../source-file.ts';

const DIRECTIVE = /@ts-(?:ignore|expect-error|nocheck)/;

/** No `any`, no silenced type error, no cast through unknown; no boolean parameter in a contract. */
export const strictTypes: Rule = {
  name: 'strict-types',
  check: (tree) => [...tree.sources.values()].flatMap((file) => [...looseTypes(file), ...booleanParameters(file)]),
};

function looseTypes(file: SourceFile): Finding[] {
  const findings: Finding[] = [];
  const add = (offset: number, problem: string) =>
    findings.push({ file: file.path, line: file.lineAt(offset), problem, remedy: 'type it, or take unknown and narrow it' });
  new Visitor({
    TSAnyKeyword: (node) => add(node.start, 'any'),
    TSAsExpression: (node) => {
      const inner = node.expression;
      if (inner.type === 'TSAsExpression' && inner.typeAnnotation.type === 'TSUnknownKeyword') add(node.start, 'as unknown as');
    },
  }).visit(file.parsed.program);
  for (const comment of file.parsed.comments) {
    const directive = DIRECTIVE.exec(comment.value)?.[0];
    if (directive !== undefined) add(comment.start, directive);
  }
  return findings;
}

/** Contracts are method signatures and function types of interfaces and type aliases. */
function booleanParameters(file: SourceFile): Finding[] {
  if (!file.path.startsWith('src/') || file.isTest) return [];
  const findings: Finding[] = [];
  const inspect = (name: string, params: readonly ParamPattern[]) => {
    for (const param of params) {
      if (!isBoolean(annotationOf(param))) continue;
      findings.push({
        file: file.path,
        line: file.lineAt(param.start),
        problem: `${name} takes a boolean: a call cannot be read without the contract`,
        remedy: 'take a word of a union, an options object, or make two methods',
      });
    }
  };
  new Visitor({
    TSMethodSignature: (node) => inspect(nameOfKey(node.key), node.params),
    TSFunctionType: (node) => inspect('a function type', node.params),
  }).visit(file.parsed.program);
  return findings;
}

function annotationOf(param: ParamPattern): TSType | undefined {
  return 'typeAnnotation' in param ? param.typeAnnotation?.typeAnnotation : undefined;
}

function isBoolean(type: TSType | undefined): boolean {
  if (type?.type === 'TSUnionType') return type.types.some(isBoolean);
  return type?.type === 'TSBooleanKeyword';
}
