import type { Finding, Rule } from '../rule.ts';
import type { SourceFile } from '../source-file.ts';

/** Names of piles: a file or folder named so collects whatever has no home. */
const PILES = new Set(['utils', 'util', 'common', 'helpers', 'helper', 'misc', 'shared', 'manager', 'base', 'types']);

/** Words of GLOSSARY.md that mean several things already, and where one of them has its one meaning. */
const BANNED_WORDS: ReadonlyMap<string, RegExp | undefined> = new Map([
  ['backend', undefined],
  ['instance', undefined],
  ['service', undefined],
  ['manager', undefined],
  ['handler', /^src\/control\/jobs\//],
  ['context', /^src\/worker\/engines\//],
  ['node', undefined],
  ['session', undefined],
  ['server', undefined],
]);

/** Files, folders and exported names use the words of the glossary. */
export const bannedNames: Rule = {
  name: 'banned-names',
  check(tree) {
    const files = [...tree.sources.values()].filter((file) => file.path.startsWith('src/'));
    return files.flatMap((file) => [...pathFindings(file), ...exportFindings(file)]);
  },
};

function pathFindings(file: SourceFile): Finding[] {
  const parts = file.path
    .replace(/(?:\.test)?\.ts$/, '')
    .split('/')
    .slice(1);
  return parts.flatMap((part) => {
    if (PILES.has(part)) return [{ file: file.path, problem: `"${part}" names a pile`, remedy: 'name what is in it' }];
    return bannedWordsOf(part, file.path).map((word) => ({
      file: file.path,
      problem: `"${part}" says "${word}"`,
      remedy: 'take the term of GLOSSARY.md',
    }));
  });
}

function exportFindings(file: SourceFile): Finding[] {
  if (file.isTest) return [];
  return file.exports
    .filter(({ origin }) => origin === undefined)
    .flatMap(({ name, line }) =>
      bannedWordsOf(name, file.path).map((word) => ({
        file: file.path,
        line,
        problem: `exported name ${name} says "${word}"`,
        remedy: 'take the term of GLOSSARY.md, or give the reason in scripts/checks/allowances.ts',
      })),
    );
}

function bannedWordsOf(name: string, path: string): string[] {
  return wordsOf(name).filter((word) => {
    const singular = BANNED_WORDS.has(word) ? word : word.replace(/s$/, '');
    return BANNED_WORDS.has(singular) && !BANNED_WORDS.get(singular)?.test(path);
  });
}

/** `createHTTPServer_v2` → create, http, server, v2. */
export function wordsOf(name: string): string[] {
  return name
    .replace(/([a-z0-9])([A-Z])/g, '$1 $2')
    .replace(/([A-Z]+)([A-Z][a-z])/g, '$1 $2')
    .toLowerCase()
    .split(/[^a-z0-9]+/)
    .filter((word) => word !== '');
}
