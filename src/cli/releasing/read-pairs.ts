import { usageError } from '../terminal/index.ts';

/** `stable=3` … as a record. Throws a usage error for one without `=`. */
export function readPairs(pairs: readonly string[], form: string): Record<string, string> {
  return Object.fromEntries(
    pairs.map((pair) => {
      const at = pair.indexOf('=');
      if (at < 1 || at === pair.length - 1) throw usageError(`'${pair}' was given, expected ${form}`);
      return [pair.slice(0, at), pair.slice(at + 1)];
    }),
  );
}

/** `slots=4`, `upstream.url=…`: values that read as JSON are taken as such, all others as text; dots lead into a mapping. */
export function readSettings(pairs: readonly string[]): Record<string, unknown> {
  const settings: Record<string, unknown> = {};
  for (const [path, text] of Object.entries(readPairs(pairs, 'field=value'))) {
    const [field = '', inner] = path.split('.', 2);
    const value = readValue(text);
    if (inner === undefined) settings[field] = value;
    else settings[field] = { ...(settings[field] as object | undefined), [inner]: value };
  }
  return settings;
}

function readValue(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
