import { CommanderError } from 'commander';

const CODE = 'plinth.usage';

/** The command line or the configuration is wrong, which commander could not know; ends with exit status 2. */
export function usageError(message: string): CommanderError {
  return new CommanderError(2, CODE, message);
}

/** Whether something thrown came from {@link usageError}. */
export function isUsageError(error: unknown): boolean {
  return error instanceof CommanderError && error.code === CODE;
}
