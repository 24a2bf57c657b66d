import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { PlinthError } from '../../../core/errors/index.ts';
import { readModel, describeModel } from '../../../../packages/onnx-tools/index.ts';

const MOST_JSON_BYTES = 16 * 1024 * 1024;

/** A JSON object beside the model; undefined when there is no such file. Throws `invalid_model_file`. */
export function readJsonFile(folder: string | undefined, name: string): Readonly<Record<string, unknown>> | undefined {
  const text = readTextFile(folder, name);
  if (text === undefined) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Readonly<Record<string, unknown>>;
  } catch {
    // Said below.
  }
  throw new PlinthError({ code: 'invalid_model_file', message: `The file ${name} of the model is not a JSON object.` });
}

/** A text file beside the model; undefined when there is none. Throws `invalid_model_file` on one that is too large. */
export function readTextFile(folder: string | undefined, name: string): string | undefined {
  if (folder === undefined) return undefined;
  const path = join(folder, name);
  const stats = statSync(path, { throwIfNoEntry: false });
  if (stats?.isFile() !== true) return undefined;
  if (stats.size > MOST_JSON_BYTES)
    throw new PlinthError({
      code: 'invalid_model_file',
      message: `The file ${name} of the model has ${stats.size} bytes; at most ${MOST_JSON_BYTES} are read.`,
    });
  return readFileSync(path, 'utf8');
}

/** What the file says of itself beside its graph. */
export interface FileSummary {
  readonly metadata: ReadonlyMap<string, string>;
  readonly parameterCount: number;
  readonly fileBytes: number;
}

/** Reads the whole file. Throws OnnxToolsError when it is no ONNX model. */
export function readFileSummary(path: string): FileSummary {
  const bytes = readFileSync(path);
  const model = readModel(bytes);
  const metadata = new Map(model.metadataProps.map(({ key, value }) => [key, value]));
  return { metadata, parameterCount: describeModel(model).parameterCount, fileBytes: bytes.byteLength };
}

/** Class names by index, from config.json's `id2label` or from labels.txt, a name a line. */
export function readLabels(folder: string | undefined): readonly string[] {
  const byId = readJsonFile(folder, 'config.json')?.['id2label'];
  if (typeof byId === 'object' && byId !== null) return listById(byId as Readonly<Record<string, unknown>>);
  const lines = readTextFile(folder, 'labels.txt')?.split(/\r?\n/) ?? [];
  return lines.at(-1) === '' ? lines.slice(0, -1) : lines;
}

function listById(byId: Readonly<Record<string, unknown>>): readonly string[] {
  const labels: string[] = [];
  for (const [id, label] of Object.entries(byId)) {
    const index = Number(id);
    if (Number.isInteger(index) && index >= 0 && index < 1_000_000) labels[index] = String(label);
  }
  return Array.from(labels, (label, index) => label ?? String(index));
}
