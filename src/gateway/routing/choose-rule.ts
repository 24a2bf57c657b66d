import type { InferenceRequest } from '../../core/inference/index.ts';
import type { CompiledRule } from './compile-traffic.ts';

export type Headers = Readonly<Record<string, string | readonly string[] | undefined>>;

/** Who asks for a version. */
export interface Asker {
  readonly keyId: string;
  readonly headers?: Headers | undefined;
}

/** What a request says of itself; functions are called only when traffic depends on what they tell. */
export interface Traits {
  readonly kind: InferenceRequest['kind'] | (() => InferenceRequest['kind']);
  readonly conversation?: () => string;
  readonly promptCharacters?: () => number;
}

/** Index of the first rule that applies; −1 when none does. */
export function chooseRule(rules: readonly CompiledRule[], traits: Traits, asker: Asker): number {
  if (rules.length === 0) return -1;
  const told = tellOnce(traits);
  return rules.findIndex(({ when }) => applies(when, told, asker));
}

/** Many rules may ask for what takes a walk through the whole request to tell. */
function tellOnce({ kind, promptCharacters }: Traits): Traits {
  return {
    kind: typeof kind === 'function' ? once(kind) : kind,
    ...(promptCharacters === undefined ? {} : { promptCharacters: once(promptCharacters) }),
  };
}

function once<T>(tell: () => T): () => T {
  let told: { readonly value: T } | undefined;
  return () => (told ??= { value: tell() }).value;
}

/** The cheap conditions come first. */
function applies(when: CompiledRule['when'], { kind, promptCharacters }: Traits, asker: Asker): boolean {
  if (when.callers !== undefined && !when.callers.has(asker.keyId)) return false;
  if (when.header !== undefined && !hasHeader(when.header, asker.headers)) return false;
  if (when.kinds !== undefined && !when.kinds.includes(typeof kind === 'function' ? kind() : kind)) return false;
  return when.promptLongerThan === undefined || (promptCharacters?.() ?? 0) > when.promptLongerThan;
}

function hasHeader(wanted: NonNullable<CompiledRule['when']['header']>, headers: Headers | undefined): boolean {
  return valuesOf(wanted.name, headers).some(
    (value) =>
      (wanted.equals === undefined || value === wanted.equals) &&
      (wanted.startsWith === undefined || value.startsWith(wanted.startsWith)),
  );
}

/** Keys are nothing to route by: they would stand in a policy for everybody to read. */
const SECRETS: ReadonlySet<string> = new Set(['authorization', 'x-api-key', 'api-key', 'proxy-authorization', 'cookie']);

/** All values of a header; none of one that carries a key. */
export function valuesOf(name: string, headers: Headers | undefined): readonly string[] {
  if (headers === undefined || SECRETS.has(name) || !Object.hasOwn(headers, name)) return [];
  const value = headers[name];
  return value === undefined ? [] : typeof value === 'string' ? [value] : value;
}
