import { bodiesOf } from '../functions.ts';
import { percentile } from '../percentile.ts';
import type { Finding, Rule } from '../rule.ts';
import { productFiles } from '../source-tree.ts';

/** Lines of a named function, and its parameters. */
export const FUNCTION_BUDGET = { median: 10, p90: 30, max: 60, parameters: 3 } as const;

export const functionSizes: Rule = {
  name: 'function-sizes',
  check(tree) {
    const files = productFiles(tree);
    const bodies = files.flatMap((file) => bodiesOf(file).map((body) => ({ file, ...body })));
    const strict = bodies.filter(({ file }) => file.budgetReason === undefined);
    const tooLong = strict
      .filter(({ lines }) => lines > FUNCTION_BUDGET.max)
      .map(({ file, line, name, lines }) => ({
        file: file.path,
        line,
        problem: `${name} has ${lines} lines; at most ${FUNCTION_BUDGET.max}`,
        remedy: 'name its steps as functions of their own',
      }));
    const tooWide = strict
      .filter(({ parameters }) => parameters > FUNCTION_BUDGET.parameters)
      .map(({ file, line, name, parameters }) => ({
        file: file.path,
        line,
        problem: `${name} takes ${parameters} parameters; at most ${FUNCTION_BUDGET.parameters}`,
        remedy: 'take an options object',
      }));
    const lengths = bodies.map(({ lines }) => lines);
    return [...tooLong, ...tooWide, ...overall('median', percentile(lengths, 0.5)), ...overall('p90', percentile(lengths, 0.9))];
  },
};

function overall(name: 'median' | 'p90', value: number): Finding[] {
  if (value <= FUNCTION_BUDGET[name]) return [];
  return [
    {
      file: 'src',
      problem: `${name} of the function lengths is ${value}; at most ${FUNCTION_BUDGET[name]}`,
      remedy: 'split the longest functions',
    },
  ];
}
