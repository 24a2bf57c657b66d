import { posix } from 'node:path';
import type { Rule } from '../rule.ts';
import { productFiles } from '../source-tree.ts';

export const MAX_DEPTH = 3;
export const MAX_FILES = 12;

/** Depth under src, and files a folder; tests are not counted. */
export const folderShape: Rule = {
  name: 'folder-shape',
  check(tree) {
    const byFolder = Map.groupBy(productFiles(tree), (file) => posix.dirname(file.path));
    return [...byFolder].flatMap(([folder, files]) => {
      const depth = folder.split('/').length - 1;
      return [
        ...(depth > MAX_DEPTH
          ? [
              {
                file: folder,
                problem: `lies ${depth} folders under src; at most ${MAX_DEPTH}`,
                remedy: 'raise it, or fold it into its parent',
              },
            ]
          : []),
        ...(files.length > MAX_FILES
          ? [
              {
                file: folder,
                problem: `holds ${files.length} files; at most ${MAX_FILES} beside tests`,
                remedy: 'find the folder that is hidden in it',
              },
            ]
          : []),
      ];
    });
  },
};
