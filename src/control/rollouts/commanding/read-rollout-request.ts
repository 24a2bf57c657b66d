import { z } from 'zod';
import { PlinthError } from '../../../core/errors/index.ts';
import { aliasSchema, versionSchema } from '../../../core/traffic/index.ts';
import type { StartWish } from './choose-rollout-start.ts';
import { rolloutPlanSchema, type RolloutPlan } from '../rollout-plan.ts';

const MOST_REASON_CHARACTERS = 500;
const MOST_PROBLEMS = 10;

const digits = (value: unknown) => (typeof value === 'number' ? String(value) : value);
const target = z.preprocess(
  digits,
  z.string().refine((text) => {
    const isAlias = text.startsWith('@') && aliasSchema.safeParse(text.slice(1)).success;
    return isAlias || versionSchema.safeParse(text).success;
  }, 'a version such as 4, or an alias such as @next'),
);
const words = (value: unknown) => (typeof value === 'string' ? value.split(',').map((word) => word.trim()) : value);

const startSchema = z.strictObject({
  model: z.string().min(1).max(200),
  to: target,
  from: target.optional(),
  /** `shadow,canary` or a list. */
  strategy: z.preprocess(words, rolloutPlanSchema.shape.strategy.unwrap().optional()),
  plan: z.record(z.string(), z.unknown()).default({}),
});

const reasonSchema = z.strictObject({
  reason: z
    .string()
    .min(1)
    .max(MOST_REASON_CHARACTERS)
    .regex(/^\P{Cc}*$/u, 'expected no control characters')
    .optional(),
});

/** What starts a rollout: `{ model, to, from?, strategy?, plan? }`. Throws `invalid_request` that names every field at fault. */
export function readStartRequest(body: unknown): StartWish {
  const { model, to, from, strategy, plan } = read(startSchema, body, []);
  if (strategy !== undefined && plan['strategy'] !== undefined)
    throw new PlinthError({
      code: 'invalid_request',
      message: 'strategy: expected once, got it beside plan and again within it',
      param: 'strategy',
    });
  const whole = read(rolloutPlanSchema, { ...plan, ...(strategy !== undefined && { strategy }) }, ['plan']);
  refuseEndless(whole);
  return { model, to, from, plan: { ...whole, strategy: [...new Set(whole.strategy)] } };
}

/** Plans that wait for what they never let happen. */
function refuseEndless({ strategy, shadow, steps }: RolloutPlan): void {
  const isShadowed = strategy.includes('shadow');
  if (isShadowed && shadow.share === 0) throw refuse('plan.shadow.share', 'no request is copied, and so none is ever compared');
  if (!isShadowed && steps[0]?.percent === 100)
    throw refuse(
      'plan.steps[0].percent',
      'without shadow a first step of 100 leaves no answer of the current version to compare with; begin with less',
    );
}

function refuse(field: string, problem: string): PlinthError {
  return new PlinthError({ code: 'invalid_request', message: `${field}: ${problem}`, param: field });
}

/** The reason that a command gives: `{ reason? }` or nothing at all. Throws `invalid_request`. */
export function readReason(body: unknown): string | undefined {
  return body === undefined || body === null ? undefined : read(reasonSchema, body, []).reason;
}

function read<S extends z.ZodType>(schema: S, value: unknown, above: readonly PropertyKey[]): z.output<S> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.flatMap((issue) => describeIssue(issue, above));
  const shown = problems.slice(0, MOST_PROBLEMS).map(({ field, problem }) => `${field}: ${problem}`);
  const more = problems.length > shown.length ? [`and ${problems.length - shown.length} more`] : [];
  const param = problems[0]?.field ?? '';
  throw new PlinthError({ code: 'invalid_request', message: [...shown, ...more].join('; '), param });
}

interface Problem {
  readonly field: string;
  readonly problem: string;
}

function describeIssue(issue: z.core.$ZodIssue, above: readonly PropertyKey[]): readonly Problem[] {
  const path = [...above, ...issue.path];
  if (issue.code === 'unrecognized_keys')
    return issue.keys.map((key) => ({ field: formatPath([...path, key.slice(0, 80)]), problem: 'there is no such field' }));
  const field = path.length === 0 ? 'the body' : formatPath(path);
  return [{ field, problem: issue.message.charAt(0).toLowerCase() + issue.message.slice(1) }];
}

/** `plan.steps[0].percent` */
function formatPath(path: readonly PropertyKey[]): string {
  return path.map((part, i) => (typeof part === 'number' ? `[${part}]` : `${i === 0 ? '' : '.'}${String(part)}`)).join('');
}
