import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { resolveFileArgument } from '../local/index.ts';
import { usageError, type Shell } from '../terminal/index.ts';

/** A YAML or JSON file of a command line with a mapping at its top. Throws a usage error that names the file. */
export function readMappingFile(given: string, { env }: Pick<Shell, 'env'>): Record<string, unknown> {
  const file = resolveFileArgument(given, env);
  const value = readYaml(file, readText(file));
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw usageError(`${file}: expected a mapping at the top`);
  return value as Record<string, unknown>;
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw usageError(`${file} cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function readYaml(file: string, text: string): unknown {
  try {
    return parse(text, { maxAliasCount: 0 });
  } catch (error) {
    throw usageError(`${file}: ${error instanceof Error ? error.message : String(error)}`);
  }
}
