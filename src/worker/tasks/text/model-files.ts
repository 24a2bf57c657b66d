import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { z } from 'zod';
import { PlinthError } from '../../../core/errors/index.ts';

/** Tokenizers of large vocabularies have some 20 MB. */
const MOST_JSON_BYTES = 64 * 1024 * 1024;

/** A JSON object of the model's folder, checked; undefined when there is no such file. Throws `invalid_model_file`. */
export function readModelJson<S extends z.ZodType>(folder: string, name: string, schema: S): z.infer<S> | undefined {
  const text = readText(folder, name);
  if (text === undefined) return undefined;
  const checked = schema.safeParse(parse(text, name));
  if (checked.success) return checked.data;
  const [issue] = checked.error.issues;
  throw refusal(`The model's ${name} is not as expected at '${issue?.path.join('.') ?? ''}': ${issue?.message ?? 'unknown'}.`);
}

export function refusal(message: string): PlinthError {
  return new PlinthError({ code: 'invalid_model_file', message });
}

function readText(folder: string, name: string): string | undefined {
  const path = join(folder, name);
  const stats = statSync(path, { throwIfNoEntry: false });
  if (stats?.isFile() !== true) return undefined;
  if (stats.size > MOST_JSON_BYTES)
    throw refusal(`The model's ${name} has ${stats.size} bytes; at most ${MOST_JSON_BYTES} are read.`);
  return readFileSync(path, 'utf8');
}

function parse(text: string, name: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw refusal(`The model's ${name} is not valid JSON.`);
  }
}
