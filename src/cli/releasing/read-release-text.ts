import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { usageError } from '../terminal/index.ts';

/** YAML or JSON with a mapping at its top. Throws a usage error that names the file. */
function parseFile(text: string, path: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = parse(text, { maxAliasCount: 0 });
  } catch (error) {
    throw usageError(`${path}: ${error instanceof Error ? error.message : String(error)}`);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw usageError(`${path}: expected a mapping at the top`);
  return value as Record<string, unknown>;
}

/** A file with a mapping at its top. Throws a usage error that names the file. */
export function readMappingFile(file: string): Record<string, unknown> {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw usageError(`${file} cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
  return parseFile(text, file);
}
