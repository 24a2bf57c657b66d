import type { Finding, Rule } from '../rule.ts';
import { productFiles } from '../source-tree.ts';
import { percentile } from '../percentile.ts';

/** Lines of a product file. */
export const FILE_BUDGET = { median: 80, p90: 250, max: 400 } as const;

export const fileSizes: Rule = {
  name: 'file-sizes',
  check(tree) {
    const files = productFiles(tree);
    const tooLong = files
      .filter((file) => file.lines > FILE_BUDGET.max && file.budgetReason === undefined)
      .map((file) => ({
        file: file.path,
        problem: `${file.lines} lines; at most ${FILE_BUDGET.max}`,
        remedy: 'split it by concern, or say why not with `@budget <reason>` at its top',
      }));
    const lengths = files.map((file) => file.lines);
    return [...tooLong, ...overall('median', percentile(lengths, 0.5)), ...overall('p90', percentile(lengths, 0.9))];
  },
};

function overall(name: 'median' | 'p90', value: number): Finding[] {
  if (value <= FILE_BUDGET[name]) return [];
  return [
    {
      file: 'src',
      problem: `${name} of the file lengths is ${value}; at most ${FILE_BUDGET[name]}`,
      remedy: 'split the longest files',
    },
  ];
}
