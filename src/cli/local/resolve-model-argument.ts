import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import { isOwnScript } from './name-command.ts';

/**
 * A path among the models of a command line, made absolute from where the user stands: a package manager changes into the package's
 * folder and tells the old one in INIT_CWD. Names and source references stay as they are.
 */
export function resolveModelArgument(given: string, env: Readonly<Record<string, string | undefined>>): string {
  const path = resolveFileArgument(given, env);
  return isPath(given, path) ? path : given;
}

/** A file of a command line, absolute, from where the user stands. */
export function resolveFileArgument(given: string, env: Readonly<Record<string, string | undefined>>): string {
  const isFromNpm = isOwnScript(env['npm_lifecycle_event']);
  return resolve((isFromNpm ? env['INIT_CWD'] : undefined) ?? '.', given);
}

/** A name may hold a slash, so that a folder is one only where it is there. */
function isPath(given: string, path: string): boolean {
  if (/^[a-z][a-z0-9+.-]+:/i.test(given)) return false;
  if (given.startsWith('.') || /\.(gguf|onnx)$/i.test(given)) return true;
  return given.includes('/') && (statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false);
}
