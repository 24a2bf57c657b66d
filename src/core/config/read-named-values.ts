import { nearestNames } from '../collections/index.ts';
import { configFields, type ConfigField } from './config-fields.ts';
import { writeAt, type ConfigLayer, type ConfigProblem, type ConfigTree } from './config-layer.ts';
import type { ConfigSource } from './config-source.ts';

/** Variables that are no fields: secrets, which stand in no file and no argument, the place of the file itself, and the serve that is commanded. */
const OTHER_VARIABLES = ['PLINTH_API_KEY', 'PLINTH_ADMIN_KEY', 'PLINTH_DATABASE_URL', 'PLINTH_CONFIG', 'PLINTH_MANAGEMENT_URL'];

/** Text of a list is separated by commas; an array is taken as it is. */
export type FlagValue = string | boolean | readonly string[];

export interface NamedValues {
  readonly layer: ConfigLayer;
  readonly problems: readonly ConfigProblem[];
}

/** Reads every `PLINTH_*` variable; an empty one counts as not set, an unknown one is a problem that names the nearest. */
export function readEnvironment(env: Readonly<Record<string, string | undefined>>): NamedValues {
  const given = Object.entries(env).filter(([name, value]) => name.startsWith('PLINTH_') && value !== undefined && value !== '');
  const fields = new Map(configFields.map((field) => [field.variable, field]));
  const known = [...fields.keys(), ...OTHER_VARIABLES];
  return collect(
    given
      .filter(([name]) => !OTHER_VARIABLES.includes(name))
      .map(([name, value]) => ({ name, value: value ?? '', field: fields.get(name) })),
    (name) => ({ source: { type: 'variable', name }, message: `unknown variable ${name}${suggest(name, known)}` }),
  );
}

/** Reads flags by their names without dashes, `limits-body-bytes`. */
export function readFlags(flags: Readonly<Record<string, FlagValue | undefined>>): NamedValues {
  const fields = new Map(configFields.map((field) => [field.flag, field]));
  const known = [...fields.keys()].map((flag) => `--${flag}`);
  const given = Object.entries(flags).flatMap(([name, value]) =>
    value === undefined ? [] : [{ name: `--${name}`, value, field: fields.get(name) }],
  );
  return collect(given, (name) => ({ source: { type: 'flag', name }, message: `unknown flag ${name}${suggest(name, known)}` }));
}

/** ` (did you mean X?)`, or nothing when no known name is near. */
export function suggest(name: string, known: readonly string[]): string {
  const [nearest] = nearestNames(name, known);
  return nearest === undefined ? '' : `; did you mean ${nearest}?`;
}

interface Given {
  readonly name: string;
  readonly value: FlagValue;
  readonly field: ConfigField | undefined;
}

function collect(given: readonly Given[], describe: (name: string) => { source: ConfigSource; message: string }): NamedValues {
  const values: ConfigTree = {};
  const sources = new Map<string, ConfigSource>();
  const problems: ConfigProblem[] = [];
  for (const { name, value, field } of given) {
    const { source, message } = describe(name);
    if (field === undefined) {
      problems.push({ key: '', source, message });
      continue;
    }
    writeAt(values, field.path, parseGiven(field, value));
    sources.set(field.key, source);
  }
  const sourceOf = (path: readonly string[]): ConfigSource => findSource(sources, path) ?? { type: 'default' };
  return { layer: { values, sourceOf }, problems };
}

/** Entries of a list have no source of their own: they share the field's. */
function findSource(sources: ReadonlyMap<string, ConfigSource>, path: readonly string[]): ConfigSource | undefined {
  for (let length = path.length; length > 0; length--) {
    const source = sources.get(path.slice(0, length).join('.'));
    if (source !== undefined) return source;
  }
  return undefined;
}

/** Text that is not of the field's kind stays text, so that the schema refuses it in its own words. */
function parseGiven(field: ConfigField, value: FlagValue): unknown {
  if (typeof value === 'boolean') return value;
  if (field.kind === 'list') return typeof value === 'string' ? splitList(value) : value;
  const text = typeof value === 'string' ? value.trim() : value.join(',');
  if (field.kind === 'number' && /^-?\d+(\.\d+)?$/.test(text)) return Number(text);
  if (field.kind === 'boolean' && (text === 'true' || text === '1')) return true;
  if (field.kind === 'boolean' && (text === 'false' || text === '0')) return false;
  return text;
}

function splitList(text: string): string[] {
  return text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
}
