import { isAbsolute, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { modelSchema } from '../../../core/config/index.ts';
import { PlinthError } from '../../../core/errors/index.ts';
import type { JsonObject, JsonValue } from '../../../core/inference/index.ts';
import { readForm } from '../read-form.ts';

/** Fields of a configured model as a version has them; its name is the line's and its source has a field of its own. */
export const settingsSchema = modelSchema.omit({ name: true, source: true });

/** Where the paths of a source are seen from. Both absolute. */
export interface SourcePlace {
  readonly folder: string;
  /** What `~` stands for. */
  readonly userHome: string;
}

const MOST_REFERENCE_LETTERS = 2000;

/** What a version is made of. */
export interface VersionContents {
  readonly reference?: string;
  readonly settings: JsonObject;
}

/**
 * Checks what a version is to be made of and brings it into the one form that is recorded: no field that says what holds anyway, files as `file:` and an absolute path. Throws
 * `invalid_request` that names the field at fault.
 */
export function readVersionContents(
  given: { readonly reference?: string; readonly settings: unknown },
  subject: string,
): VersionContents {
  const settings = readSettings(given.settings, subject);
  const isOwnFiles = settings['engine'] !== 'echo' && settings['upstream'] === undefined;
  if (given.reference === undefined) {
    if (isOwnFiles)
      throw refuse(subject, 'a source is needed: a catalog name, an absolute path or a reference like hf:org/repo/file.gguf');
    return { settings };
  }
  if (!isOwnFiles)
    throw refuse(subject, `a source has no use with ${settings['upstream'] === undefined ? 'engine echo' : 'upstream'}`);
  return { reference: readReference(given.reference, subject), settings };
}

function readSettings(given: unknown, subject: string): JsonObject {
  if (typeof given === 'object' && given !== null) {
    if (Object.hasOwn(given, 'name')) throw refuse(subject, 'settings must not have "name": the model gives it', 'name');
    if (Object.hasOwn(given, 'source'))
      throw refuse(subject, 'settings must not have "source": it is given beside them', 'source');
  }
  const { stepMs, failEvery, upstream, ...settings } = readForm(settingsSchema, given, subject);
  if (upstream !== undefined && hasLogin(upstream.url))
    throw refuse(
      subject,
      'upstream.url must not hold a user or a password: name the variable of a key in upstream.keyVariable',
      'upstream.url',
    );
  const drills = { ...(stepMs > 0 && { stepMs }), ...(failEvery > 0 && { failEvery }) };
  return withoutGaps({ ...settings, ...drills, ...(upstream !== undefined && { upstream: withoutGaps(upstream) }) });
}

/** Parsed, because `https:user:word@host` is an address as well. */
function hasLogin(url: string): boolean {
  const { username, password } = new URL(url);
  return username !== '' || password !== '';
}

type Gappy = { readonly [key: string]: JsonValue | undefined | Gappy };

/** Without fields that are there and undefined, in the order of their names, so that equal settings are equal as text. */
function withoutGaps(given: Gappy): JsonObject {
  const entries = Object.entries(given).flatMap(([key, value]): ReadonlyArray<readonly [string, JsonValue]> => {
    if (value === undefined) return [];
    return [
      [
        key,
        typeof value === 'object' && value !== null && !Array.isArray(value) ? withoutGaps(value as Gappy) : (value as JsonValue),
      ],
    ];
  });
  return Object.fromEntries(entries.toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

function readReference(given: string, subject: string): string {
  if (given === '' || given.length > MOST_REFERENCE_LETTERS || /\p{Cc}/u.test(given))
    throw refuse(subject, `a source has 1 to ${MOST_REFERENCE_LETTERS} characters, none of them a control character`, 'source');
  const path = pathOf(given, subject);
  if (isAbsolute(path)) return `file:${resolve(path)}`;
  if (isRelative(given) || path !== given)
    throw refuse(subject, `the source '${given}' is a path from somewhere; give an absolute one`, 'source');
  return given;
}

/** What follows `file:`; anything else as it is. */
function pathOf(given: string, subject: string): string {
  if (!/^file:/i.test(given)) return given;
  if (!/^file:\/\//i.test(given)) return given.slice('file:'.length);
  try {
    return fileURLToPath(given);
  } catch {
    throw refuse(subject, 'the source is malformed, expected file:///path/model.gguf', 'source');
  }
}

/** A source whose path is seen from `place`; everything else stays as it is. */
export function placeSource(source: string, { folder, userHome }: SourcePlace): string {
  if (/^file:[^/\\]/i.test(source)) return placeSource(`./${source.slice('file:'.length)}`, { folder, userHome });
  if (/^~(?:$|[/\\])/.test(source)) return `file:${resolve(userHome, source.slice(2))}`;
  return isRelative(source) ? `file:${resolve(folder, source)}` : source;
}

/** A path by its look: it begins with a dot, or is a file of a kind that models have. A bare name is one of the catalog. */
function isRelative(source: string): boolean {
  if (/^(?:\.{1,2}$|\.{0,2}[/\\]|~[/\\]|~$)/.test(source)) return !/^[/\\]/.test(source);
  return /\.(?:gguf|onnx)$/i.test(source) && !/^[a-z][a-z0-9+.-]*:/i.test(source);
}

function refuse(subject: string, words: string, param?: string): PlinthError {
  return new PlinthError({ code: 'invalid_request', message: `${subject}: ${words}.`, ...(param !== undefined && { param }) });
}
