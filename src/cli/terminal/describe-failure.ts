import { PlinthError } from '../../core/errors/index.ts';
import { cleanText } from './clean-text.ts';
import { isUsageError } from './usage-error.ts';

/** What to tell a user of anything thrown: the words of a PlinthError, the whole trace of a defect. */
export function describeFailure(error: unknown): string {
  if (error instanceof PlinthError || (error instanceof Error && isUsageError(error))) return cleanText(error.message);
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return `unexpected error, which is a defect: ${cleanText(text)}`;
}
