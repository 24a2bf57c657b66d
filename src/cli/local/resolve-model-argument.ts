import { resolve } from 'node:path';

/**
 * A path among the models of a command line, made absolute from where the user stands: a package manager changes into the package's
 * folder and tells the old one in INIT_CWD. Names and source references stay as they are.
 */
export function resolveModelArgument(given: string, env: Readonly<Record<string, string | undefined>>): string {
  const isPath = given.startsWith('.') || (given.toLowerCase().endsWith('.gguf') && !/^[a-z]+:/i.test(given));
  if (!isPath) return given;
  const isFromNpm = env['npm_lifecycle_event'] !== undefined && env['npm_lifecycle_event'] !== 'npx';
  return resolve((isFromNpm ? env['INIT_CWD'] : undefined) ?? '.', given);
}
