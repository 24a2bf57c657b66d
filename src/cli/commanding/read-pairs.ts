import { usageError } from '../terminal/index.ts';

/** `stable=3` … as a record. Throws a usage error for one without `=`, and for a name that is given twice. */
export function readPairs(pairs: readonly string[], form: string): Record<string, string> {
  const read = pairs.map((pair) => {
    const at = pair.indexOf('=');
    if (at < 1 || at === pair.length - 1) throw usageError(`'${pair}' was given, expected ${form}`);
    return [pair.slice(0, at), pair.slice(at + 1)] as const;
  });
  const twice = read.find(([name], i) => read.findIndex(([other]) => other === name) !== i);
  if (twice !== undefined) throw usageError(`${twice[0]} is given twice`);
  return Object.fromEntries(read);
}

/** `slots=4`, `upstream.url=…`: values that read as JSON are taken as such, all others as text; a dot leads into a mapping. */
export function readSettings(pairs: readonly string[]): Record<string, unknown> {
  const settings: Record<string, unknown> = {};
  for (const [path, text] of Object.entries(readPairs(pairs, 'field=value'))) {
    const [field = '', ...rest] = path.split('.');
    const value = readValue(text);
    if (rest.length === 0) settings[field] = value;
    else settings[field] = { ...(settings[field] as object | undefined), [rest.join('.')]: value };
  }
  return settings;
}

/** The number of a flag. Throws a usage error that names the flag. */
export function readNumber(text: string, flag: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value)) throw usageError(`${flag}: '${text}' is no number`);
  return value;
}

/** Gathers the values of a flag that may be given several times. */
export function collect(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, value];
}

function readValue(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
