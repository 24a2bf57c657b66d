import { readNumber, readPairs } from '../commanding/index.ts';
import { usageError } from '../terminal/index.ts';

/** The flags that say where requests go. */
export interface TrafficFlags {
  readonly weights?: string;
  readonly sticky?: string;
  readonly fallback?: string;
  readonly shadow?: string;
}

/** What flags and a file say of a traffic policy, as the management port takes it; flags win. */
export function readTraffic(flags: TrafficFlags, file: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
  const { weights, sticky, fallback, shadow } = flags;
  return {
    ...file,
    ...(weights !== undefined && { weights: weights === 'none' ? {} : readNumbers(weights, 'version=weight') }),
    ...(sticky !== undefined && { sticky: readSticky(sticky) }),
    ...(fallback !== undefined && { fallback: fallback === 'none' ? [] : splitList(fallback) }),
    ...(shadow !== undefined && { shadow: shadow === 'none' ? null : readShadow(shadow) }),
  };
}

/** `latest:2`, `all`, `3,4`. */
export function readPolicy(text: string): object {
  const latest = /^latest:(\d+)$/.exec(text)?.[1];
  if (latest !== undefined) return { latest: Number(latest) };
  if (text === 'all') return { all: true };
  const specific = splitList(text);
  if (specific.length === 0 || specific.some((version) => !/^\d+$/.test(version)))
    throw usageError(`--policy: '${text}' was given, expected latest:<n>, all, or versions such as 3,4`);
  return { specific };
}

const KINDS = new Set(['request', 'caller', 'conversation']);

function readSticky(text: string): object {
  const header = /^header:(.+)$/.exec(text)?.[1];
  if (header !== undefined) return { by: 'header', header };
  if (KINDS.has(text)) return { by: text };
  throw usageError(`--sticky: '${text}' was given, expected request, caller, conversation or header:<name>`);
}

function readShadow(text: string): object {
  const [entry, ...others] = Object.entries(readNumbers(text, 'version=share'));
  if (others.length > 0) throw usageError(`--shadow: '${text}' names several versions; copies go to one`);
  return { to: entry?.[0], share: entry?.[1] };
}

function readNumbers(text: string, form: string): Record<string, number> {
  const pairs = Object.entries(readPairs(splitList(text), form));
  return Object.fromEntries(pairs.map(([version, number]) => [version, readNumber(number, form)]));
}

function splitList(text: string): readonly string[] {
  return text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
}
