import type { Rule } from '../rule.ts';

/** A word that must not stand in the repository, and what to write instead. */
interface ForbiddenWord {
  readonly pattern: RegExp;
  readonly says: string;
  readonly remedy: string;
}

/** Hosts in pieces, so that this file may be searched as well. */
const REGISTRY_HOSTS = [
  ['registry', 'npmjs', 'org'],
  ['registry', 'yarnpkg', 'com'],
  ['npm', 'pkg', 'github', 'com'],
  ['pypi', 'org'],
  ['files', 'pythonhosted', 'org'],
  ['index', 'crates', 'io'],
  ['deb', 'debian', 'org'],
].map((labels) => labels.join(String.raw`\.`));

/** Home and workspace folders of one machine. */
const MACHINE_PATHS = ['work', 'root', 'farm'].map((folder) => String.raw`(?<![\w.)\]}~-])/${folder}/`);

const FORBIDDEN: readonly ForbiddenWord[] = [
  {
    pattern: new RegExp(String.raw`\b(?:${REGISTRY_HOSTS.join('|')})\b`, 'i'),
    says: 'names a package registry',
    remedy: 'let the client of that registry use its own settings',
  },
  {
    pattern: new RegExp(MACHINE_PATHS.join('|')),
    says: 'names a path of one machine',
    remedy: 'derive it, or write a general example',
  },
  {
    pattern: /\b(?:TO[D]O|FIX[M]E|X{3})\b/,
    says: 'marks something unfinished',
    remedy: 'finish it, or write it down where work is planned',
  },
];

/** No registry host, no path of one machine, no mark of unfinished work. */
export const forbiddenWords: Rule = {
  name: 'forbidden-words',
  check: (tree) =>
    [...tree.texts].flatMap(([file, text]) =>
      text.split('\n').flatMap((content, index) =>
        FORBIDDEN.flatMap(({ pattern, says, remedy }) => {
          const found = pattern.exec(content)?.[0];
          return found === undefined ? [] : [{ file, line: index + 1, problem: `"${found}" ${says}`, remedy }];
        }),
      ),
    ),
};
