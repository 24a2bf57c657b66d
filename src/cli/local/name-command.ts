/** How the user calls this program, for hints: what they started is not always on their PATH. */
export function nameCommand(env: Readonly<Record<string, string | undefined>>): string {
  const script = env['npm_lifecycle_event'];
  if (script === 'npx') return 'npx plinth';
  return isOwnScript(script) ? 'npm run plinth --' : 'plinth';
}

/** Whether a package manager's script of this program is running, and not one of the user's own that calls it. */
export function isOwnScript(script: string | undefined): boolean {
  return script === 'start' || script === 'plinth';
}
