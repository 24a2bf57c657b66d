import { homedir } from 'node:os';
import { isAbsolute } from 'node:path';
import { isMap, isScalar, LineCounter, parseDocument, visit, type Document } from 'yaml';
import { PlinthError } from '../../../core/errors/index.ts';
import { placeSource } from '../changing/index.ts';
import { readForm } from '../read-form.ts';
import { releaseFileSchema, type ComparisonForms, type ReleaseFile } from './release-file.ts';

/** A declarative file as it arrives. */
export interface GivenFile {
  /** YAML or JSON text, or what it says. */
  readonly file: unknown;
  /** Absolute: where relative sources are seen from. Without it they are refused. */
  readonly folder?: string;
}

const MOST_LETTERS = 256 * 1024;
const MOST_ALIASES = 100;
/** Deeper than any plan is; what is nested without end would exhaust the stack of its reader. */
const MOST_DEPTH = 32;

/** The file with every source placed. Throws one `invalid_request` that names every field at fault, and the nearest known one. */
export function readReleaseFile({ file, folder }: GivenFile, forms: ComparisonForms): ReleaseFile {
  if (folder !== undefined && !isAbsolute(folder)) throw refuse(`folder: expected an absolute path, got '${folder}'`, 'folder');
  const values = typeof file === 'string' ? parseText(file) : file;
  refuseTricks(values);
  const read = readForm(releaseFileSchema(forms), values, 'The file');
  if (folder === undefined) return read;
  const place = { folder, userHome: homedir() };
  const models = mapValues(read.models, (entry) =>
    entry.versions === undefined
      ? entry
      : {
          ...entry,
          versions: mapValues(entry.versions, (version) =>
            version.source === undefined ? version : { ...version, source: placeSource(version.source, place) },
          ),
        },
  );
  return { ...read, models };
}

function parseText(text: string): unknown {
  if (text.length > MOST_LETTERS) throw refuse(`The file has ${text.length} characters, at most ${MOST_LETTERS}`);
  const lines = new LineCounter();
  let flaw;
  try {
    // The parser compares every key with every other one: that takes minutes where there are many.
    const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, logLevel: 'error', uniqueKeys: false });
    flaw = document.errors[0] ?? document.warnings[0] ?? findTwin(document);
    if (flaw === undefined) return document.toJS({ maxAliasCount: MOST_ALIASES });
  } catch {
    throw refuse('The file is nested too deeply, or its aliases are; write the values out');
  }
  if (/call stack/.test(flaw.message)) throw refuse('The file is nested too deeply');
  const { line, col } = lines.linePos(flaw.pos[0]);
  throw refuse(`The file is not valid YAML, line ${line}, column ${col}: ${flaw.message}`);
}

/** A field that a mapping has twice. */
function findTwin(document: Document): { readonly pos: readonly [number, number]; readonly message: string } | undefined {
  let twin: { readonly pos: readonly [number, number]; readonly message: string } | undefined;
  visit(document, {
    Map: (_key, map) => {
      const seen = new Set<string>();
      for (const { key } of isMap(map) ? map.items : []) {
        if (!isScalar(key)) continue;
        const name = String(key.value);
        const at = key.range?.[0] ?? 0;
        if (seen.has(name)) twin ??= { pos: [at, at], message: `${JSON.stringify(name.slice(0, 80))} stands twice` };
        seen.add(name);
      }
      return twin === undefined ? undefined : visit.BREAK;
    },
  });
  return twin;
}

function refuseTricks(values: unknown): void {
  let level = [values];
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > MOST_DEPTH) throw refuse(`The file is nested more than ${MOST_DEPTH} deep`);
    const inner = level.filter((value) => typeof value === 'object' && value !== null);
    // Schemas pass it over without a word, and no field is to be ignored.
    if (inner.some((value) => Object.hasOwn(value, '__proto__'))) throw refuse('The file has a field "__proto__"; there is none');
    level = inner.flatMap((value): unknown[] => Object.values(value));
  }
}

function mapValues<T, U>(record: Readonly<Record<string, T>>, change: (value: T) => U): Record<string, U> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, change(value)]));
}

function refuse(message: string, param?: string): PlinthError {
  return new PlinthError({ code: 'invalid_request', message: `${message}.`, ...(param !== undefined && { param }) });
}
