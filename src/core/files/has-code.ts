/** Whether an error carries one of these codes: `ENOENT` and others of the system, or one of our own. */
export function hasCode(error: unknown, ...codes: readonly string[]): boolean {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' && codes.includes(error.code);
}
