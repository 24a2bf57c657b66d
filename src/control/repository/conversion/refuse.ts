import { PlinthError } from '../../../core/errors/index.ts';

/** Words of a configuration stand in many problems, and a configuration may be megabytes long. */
const LONGEST_PROBLEM = 1000;

/** The error for a configuration that cannot be served. */
export function refuse(problem: string): PlinthError {
  const message = problem.length > LONGEST_PROBLEM ? `${problem.slice(0, LONGEST_PROBLEM)}…` : problem;
  return new PlinthError({ code: 'invalid_request', message });
}

/** A file of the model's folder is named by a relative path that stays in it. */
export function checkFileName(name: string, field: string): void {
  const parts = name.split('/');
  const isSound = !/[\\\0]/.test(name) && parts.every((part) => part !== '' && part !== '.' && part !== '..');
  if (!isSound || name.length > 1024)
    throw refuse(`${field} must be a path inside the model's folder, got ${JSON.stringify(name.slice(0, 100))}`);
}
