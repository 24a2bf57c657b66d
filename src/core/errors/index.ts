export { errorTable, type ErrorCode } from './error-table.ts';
export { errorFactsOf, PlinthError, type ErrorFacts } from './plinth-error.ts';
