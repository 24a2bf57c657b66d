import type { Finding, Rule } from '../rule.ts';
import type { SourceFile } from '../source-file.ts';

/** What the files of a room may import besides their own room. Tests beside the code also take what lies ready in tests/. */
const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  packages: [],
  examples: ['packages'],
  core: [],
  gateway: ['core'],
  worker: ['core', 'packages'],
  control: ['core', 'packages'],
  optimize: ['core', 'packages'],
  cli: ['core', 'gateway', 'worker', 'control', 'optimize'],
  tests: ['core', 'gateway', 'worker', 'control', 'cli', 'packages', 'examples', 'scripts', 'benchmarks'],
  benchmarks: ['core', 'gateway', 'worker', 'control', 'optimize', 'cli', 'packages', 'scripts', 'tests'],
  scripts: ['core', 'gateway', 'worker', 'control', 'optimize', 'cli'],
};

/** `core` imports only core; the rooms import core and never each other; end-to-end tests reach the product from outside. */
export const roomImports: Rule = {
  name: 'room-imports',
  check: (tree) => [...tree.sources.values()].flatMap(checkFile),
};

/** The test files under tests/ reach the product from outside; conformance suites stand there for what has no outside. */
const ALLOWED_END_TO_END = ['core', 'packages', 'examples', 'scripts', 'benchmarks'];

function allowedFor(file: SourceFile, room: string): readonly string[] | undefined {
  if (!file.isTest) return ALLOWED[room];
  if (room === 'tests') return file.path.startsWith('tests/conformance/') ? ALLOWED['tests'] : ALLOWED_END_TO_END;
  return ALLOWED[room] && [...ALLOWED[room], 'tests'];
}

function checkFile(file: SourceFile): Finding[] {
  const room = roomOf(file.path);
  const allowed = allowedFor(file, room);
  if (allowed === undefined) {
    return [
      {
        file: file.path,
        problem: `unknown room "${room}"`,
        remedy: `put the file into one of ${Object.keys(ALLOWED).join(', ')}`,
      },
    ];
  }
  return file.imports.flatMap((edge) => {
    if (edge.target === undefined) return [];
    const target = roomOf(edge.target);
    if (target === room || allowed.includes(target)) return [];
    return [
      {
        file: file.path,
        line: edge.line,
        problem: `${room} imports ${target} (${edge.specifier})`,
        remedy: `${room} may import ${['itself', ...allowed].join(', ')}; exchange types of core/messages instead`,
      },
    ];
  });
}

/** `src/gateway/access/x.ts` → gateway; `tests/x.ts` → tests. */
export function roomOf(path: string): string {
  const [first = '', second = ''] = path.split('/');
  return first === 'src' ? second.replace(/\.ts$/, '') : first;
}
