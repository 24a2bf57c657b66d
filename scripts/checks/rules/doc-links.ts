import { posix } from 'node:path';
import type { Finding, Rule } from '../rule.ts';

const LINK = /\[[^\]]*\]\(([^)\s]+)\)/g;
const FENCE = /^```[\s\S]*?^```/gm;

/** A path of the repository in inline code: from its root, or from src where it begins with a room. */
const QUOTED_PATH = /`((?:src|tests|scripts|docs|benchmarks|core|gateway|worker|control|cli)\/[\w./-]+)`/g;

/** Relative links of the documents lead to files and headings that exist, and paths that they quote exist as well. */
export const docLinks: Rule = {
  name: 'doc-links',
  check(tree) {
    const folders = new Set([...tree.texts.keys()].flatMap(foldersOf));
    const exists = (path: string) => path === '.' || tree.texts.has(path) || folders.has(path) || path === 'LICENSE';
    const isReal = (path: string) => exists(path.replace(/\/$/, '')) || exists(`src/${path.replace(/\/$/, '')}`);
    const documents = [...tree.texts].filter(([path]) => path.endsWith('.md'));
    const unreal = documents.flatMap(([file, text]) =>
      matchesOf(text, QUOTED_PATH)
        .filter(({ target }) => !isReal(target))
        .map(({ target, line }) => ({
          file,
          line,
          problem: `${target} does not exist`,
          remedy: 'name the file that took its place',
        })),
    );
    const broken = documents.flatMap(([file, text]) =>
      linksOf(text).flatMap(({ target, line }): Finding[] => {
        const [pathPart = '', heading] = target.split('#');
        const path = pathPart === '' ? file : posix.normalize(posix.join(posix.dirname(file), pathPart)).replace(/\/$/, '');
        if (!exists(path)) return [{ file, line, problem: `link to ${target}, which does not exist`, remedy: 'mend the link' }];
        const page = tree.texts.get(path);
        if (heading === undefined || page === undefined || headingsOf(page).has(heading)) return [];
        return [{ file, line, problem: `link to the heading #${heading}, which ${path} does not have`, remedy: 'mend the link' }];
      }),
    );
    return [...unreal, ...broken];
  },
};

interface Match {
  readonly target: string;
  readonly line: number;
}

function linksOf(text: string): Match[] {
  return matchesOf(text, LINK).filter(({ target }) => !/^[a-z]+:/.test(target));
}

/** What the first group of a pattern takes from the prose, code blocks left out. */
function matchesOf(text: string, pattern: RegExp): Match[] {
  const prose = text.replace(FENCE, (block) => block.replace(/[^\n]/g, ' '));
  return [...prose.matchAll(pattern)].map((match) => ({
    target: match[1] ?? '',
    line: prose.slice(0, match.index).split('\n').length,
  }));
}

/** Headings as the usual renderers anchor them. */
function headingsOf(text: string): Set<string> {
  const titles = [...text.replace(FENCE, '').matchAll(/^#+\s+(.+)$/gm)].map((match) => match[1] ?? '');
  return new Set(
    titles.map((title) =>
      title
        .toLowerCase()
        .replace(/[^\p{L}\p{N}\s_-]/gu, '')
        .trim()
        .replace(/\s/g, '-'),
    ),
  );
}

function foldersOf(path: string): string[] {
  const parts = path.split('/').slice(0, -1);
  return parts.map((_, index) => parts.slice(0, index + 1).join('/'));
}
