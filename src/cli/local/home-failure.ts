import { PlinthError } from '../../core/errors/index.ts';

/** What the system refuses in a home (no space, read-only, no permission) in words that name the home; anything else as it is. */
export function homeFailure(home: string, error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof PlinthError || !('syscall' in error)) return error;
  const message = `The home ${home} cannot be used: ${error.message}. Set PLINTH_HOME to a folder that can be written.`;
  return new PlinthError({ code: 'internal_error', message }, { cause: error });
}
