import { posix } from 'node:path';
import type { Finding, Rule } from '../rule.ts';

const LINK = /\[[^\]]*\]\(([^)\s]+)\)/g;
const FENCE = /^```[\s\S]*?^```/gm;

/** Relative links of the documents lead to files and headings that exist. */
export const docLinks: Rule = {
  name: 'doc-links',
  check(tree) {
    const folders = new Set([...tree.texts.keys()].flatMap(foldersOf));
    const exists = (path: string) => path === '.' || tree.texts.has(path) || folders.has(path) || path === 'LICENSE';
    return [...tree.texts]
      .filter(([path]) => path.endsWith('.md'))
      .flatMap(([file, text]) =>
        linksOf(text).flatMap(({ target, line }): Finding[] => {
          const [pathPart = '', heading] = target.split('#');
          const path = pathPart === '' ? file : posix.normalize(posix.join(posix.dirname(file), pathPart)).replace(/\/$/, '');
          if (!exists(path)) return [{ file, line, problem: `link to ${target}, which does not exist`, remedy: 'mend the link' }];
          const page = tree.texts.get(path);
          if (heading === undefined || page === undefined || headingsOf(page).has(heading)) return [];
          return [
            { file, line, problem: `link to the heading #${heading}, which ${path} does not have`, remedy: 'mend the link' },
          ];
        }),
      );
  },
};

function linksOf(text: string): { target: string; line: number }[] {
  const prose = text.replace(FENCE, (block) => block.replace(/[^\n]/g, ' '));
  return [...prose.matchAll(LINK)]
    .map((match) => ({ target: match[1] ?? '', line: prose.slice(0, match.index).split('\n').length }))
    .filter(({ target }) => !/^[a-z]+:/.test(target));
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
