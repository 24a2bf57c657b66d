/** Words that name a model, split at their last `:` or `@`. */
export interface ModelReference {
  readonly name: string;
  readonly version?: string;
  readonly alias?: string;
}

const VERSIONED = /^(?<name>.+):(?<version>[1-9]\d{0,17})$/s;
const ALIASED = /^(?<name>.+)@(?<alias>[A-Za-z][A-Za-z0-9._-]{0,63})$/s;

/** Longer words may still be a model's very name; taking a body's worth of them apart would only hold up others. */
const LONGEST_TAKEN_APART = 1024;

/**
 * How `name:3` and `name@alias` are read, where no model is called exactly so. What only `isKnown` says is a name may be read apart;
 * undefined for words that name nothing.
 */
export function readReference(words: string, isKnown: (name: string) => boolean): ModelReference | undefined {
  if (isKnown(words)) return { name: words };
  if (words.length > LONGEST_TAKEN_APART) return undefined;
  const { name = '', version = '' } = VERSIONED.exec(words)?.groups ?? {};
  if (isKnown(name)) return { name, version };
  const { name: line = '', alias = '' } = ALIASED.exec(words)?.groups ?? {};
  return isKnown(line) ? { name: line, alias } : undefined;
}

/** A target inside a model's own traffic: `3` and `@alias` are versions of that model. */
export function readTarget(target: string, own: string, isKnown: (name: string) => boolean): ModelReference | undefined {
  if (/^[1-9]\d{0,17}$/.test(target)) return { name: own, version: target };
  if (target.startsWith('@')) return { name: own, alias: target.slice(1) };
  return readReference(target, isKnown);
}
