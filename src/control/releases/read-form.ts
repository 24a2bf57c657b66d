import { z } from 'zod';
import { nearestNames } from '../../core/collections/index.ts';
import { PlinthError } from '../../core/errors/index.ts';

type Issue = z.core.$ZodIssue;

/** Something that a schema refused, in words that name the place: `models.chat.versions.2: unknown field "slotz"; did you mean slots?`. */
interface Flaw {
  /** `models.chat.versions.2`; empty for the whole. */
  readonly path: string;
  readonly words: string;
}

const MOST_FLAWS = 20;

/** The value as the schema makes it. Throws one `invalid_request` that names every flaw, the first as `param`. */
export function readForm<S extends z.ZodType>(schema: S, value: unknown, subject: string): z.output<S> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw refuseFlaws(findFlaws(schema, parsed.error.issues), subject);
}

/** One error for all flaws of `subject`. */
function refuseFlaws(flaws: readonly Flaw[], subject: string): PlinthError {
  const shown = flaws.slice(0, MOST_FLAWS).map(describeFlaw);
  const rest = flaws.length - shown.length;
  const more = rest === 0 ? [] : [`and ${rest} more`];
  const message =
    shown.length === 1
      ? `${subject}: ${shown[0]}`
      : [`${subject}:`, ...[...shown, ...more].map((line) => `  ${line}`)].join('\n');
  const param = flaws[0]?.path;
  return new PlinthError({ code: 'invalid_request', message, ...(param !== undefined && param !== '' && { param }) });
}

function describeFlaw({ path, words }: Flaw): string {
  return path === '' ? words : `${path}: ${words}`;
}

/** Every issue of a schema as a flaw; an unknown field names the nearest known one of its mapping. */
function findFlaws(schema: z.ZodType, issues: readonly Issue[]): readonly Flaw[] {
  return issues.flatMap((issue) => flawsOf(schema, issue, []));
}

function flawsOf(schema: z.ZodType, issue: Issue, above: readonly PropertyKey[]): readonly Flaw[] {
  const path = [...above, ...issue.path];
  if (issue.code === 'unrecognized_keys')
    // The nearest known field is only looked for as far as it is told.
    return issue.keys.map((key, index) =>
      index < MOST_FLAWS ? unknownField(schema, path, key) : { path: formatPath(path), words: 'unknown field' },
    );
  if (issue.code === 'invalid_key') return [{ path: formatPath(path), words: issue.issues.map(wordsOf).join('; ') }];
  if (issue.code === 'invalid_union') {
    // The form that was meant is the one that went wrong inside, not at its outermost.
    const meant = issue.errors.find((errors) => errors.some((inner) => inner.path.length > 0)) ?? issue.errors.find(hasUnknown);
    if (meant !== undefined) return meant.flatMap((inner) => flawsOf(schema, inner, path));
  }
  return [{ path: formatPath(path), words: wordsOf(issue) }];
}

function hasUnknown(issues: readonly Issue[]): boolean {
  return issues.some((issue) => issue.code === 'unrecognized_keys');
}

/** zod's own sentences begin with a capital; here they follow a colon. */
function wordsOf({ message }: Issue): string {
  return message.charAt(0).toLowerCase() + message.slice(1);
}

function unknownField(schema: z.ZodType, path: readonly PropertyKey[], key: string): Flaw {
  const known = fieldsAt(schema, path);
  const [nearest] = nearestNames(key, known);
  const hint = nearest === undefined ? `; known are ${known.join(', ')}` : `; did you mean ${nearest}?`;
  return { path: formatPath(path), words: `unknown field ${quote(key)}${known.length === 0 ? '' : hint}` };
}

function quote(key: string): string {
  return JSON.stringify(key.length > 80 ? `${key.slice(0, 77)}…` : key);
}

/** `models.chat.aliases`, `traffic.rules[0].when` */
function formatPath(path: readonly PropertyKey[]): string {
  return path.map((part, i) => (typeof part === 'number' ? `[${part}]` : `${i === 0 ? '' : '.'}${String(part)}`)).join('');
}

/** The fields that may stand in the mapping at a path. */
function fieldsAt(schema: z.ZodType, path: readonly PropertyKey[]): readonly string[] {
  let forms: readonly unknown[] = [schema];
  for (const part of path) forms = forms.flatMap((form) => insideOf(form, part));
  return [...new Set(forms.flatMap((form) => objectsOf(form)).flatMap((object) => Object.keys(object.shape)))];
}

function insideOf(form: unknown, part: PropertyKey): readonly unknown[] {
  const bare = unwrap(form);
  if (bare instanceof z.ZodUnion) return bare.options.flatMap((option: unknown) => insideOf(option, part));
  if (bare instanceof z.ZodObject) return typeof part === 'string' && Object.hasOwn(bare.shape, part) ? [bare.shape[part]] : [];
  if (bare instanceof z.ZodRecord) return [bare.valueType];
  return bare instanceof z.ZodArray ? [bare.element] : [];
}

function objectsOf(form: unknown): readonly z.ZodObject[] {
  const bare = unwrap(form);
  if (bare instanceof z.ZodUnion) return bare.options.flatMap((option: unknown) => objectsOf(option));
  return bare instanceof z.ZodObject ? [bare] : [];
}

function unwrap(form: unknown): unknown {
  if (form instanceof z.ZodDefault || form instanceof z.ZodPrefault || form instanceof z.ZodOptional)
    return unwrap(form.def.innerType);
  if (form instanceof z.ZodNullable) return unwrap(form.def.innerType);
  return form instanceof z.ZodPipe ? unwrap(form.def.out) : form;
}
