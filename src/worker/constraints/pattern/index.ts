export { formatPattern } from './format-patterns.ts';
export { patternExpression } from './pattern-expression.ts';
export { PatternError } from './pattern-tree.ts';
