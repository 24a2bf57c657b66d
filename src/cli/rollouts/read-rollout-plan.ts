import { readNumber } from '../commanding/index.ts';
import { usageError } from '../terminal/index.ts';

/** The flags that say more of a plan than its file does. */
export interface PlanFlags {
  readonly steps?: string;
  readonly requests?: string;
  readonly minutes?: string;
}

const DEFAULT_PERCENTS = [1, 5, 25, 50, 100];

/** A plan as the management port takes it. Flags win over the file; `--requests` is also the least number of comparisons where the file says none. */
export function readRolloutPlan(flags: PlanFlags, file: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
  const { steps, requests, minutes } = flags;
  const least = {
    ...(requests !== undefined && { requests: readCount(requests) }),
    ...(minutes !== undefined && { minutes: readNumber(minutes, '--minutes') }),
  };
  const percents = steps === undefined ? undefined : steps.split(',').map((percent) => readNumber(percent, '--steps'));
  return {
    ...file,
    ...stepsOf(percents, least, file['steps']),
    ...(least.requests !== undefined && file['shadow'] === undefined && { shadow: { comparisons: least.requests } }),
  };
}

function stepsOf(percents: readonly number[] | undefined, least: object, given: unknown): { readonly steps?: readonly object[] } {
  if (percents !== undefined) return { steps: percents.map((percent) => ({ percent, ...least })) };
  if (Object.keys(least).length === 0) return {};
  if (Array.isArray(given)) return { steps: given.map((step: unknown) => ({ ...(step as object), ...least })) };
  return { steps: DEFAULT_PERCENTS.map((percent) => ({ percent, ...least })) };
}

function readCount(text: string): number {
  const count = readNumber(text, '--requests');
  if (!Number.isInteger(count) || count < 1) throw usageError(`--requests: '${text}' is no whole number from 1`);
  return count;
}
