/** How the user calls this program, for hints: what they started is not always on their PATH. */
export function nameCommand(env: Readonly<Record<string, string | undefined>>): string {
  const script = env['npm_lifecycle_event'];
  if (script === undefined) return 'plinth';
  return script === 'npx' ? 'npx plinth' : 'npm run plinth --';
}
