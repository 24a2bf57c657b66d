import { readNumber, readPairs } from '../commanding/index.ts';
import { usageError } from '../terminal/index.ts';

/** The flags that say what is compared, and by what. */
export interface ExperimentFlags {
  readonly arm?: readonly string[];
  readonly metric?: string;
  readonly guard?: readonly string[];
  readonly control?: string;
  readonly direction?: string;
  readonly minimumEffect?: string;
  readonly falseAlarmRate?: string;
  readonly feedbackMetric?: string;
  readonly sticky?: string;
  readonly mostRequests?: string;
  readonly mostMinutes?: string;
}

const ARM_FORM = 'an arm as name=version or name=version:weight';

/** A plan as the management port takes it; flags win over the file. Throws usage errors that say what is missing. */
export function readExperimentPlan(
  flags: ExperimentFlags,
  file: Readonly<Record<string, unknown>> = {},
): Record<string, unknown> {
  const { arm = [], guard = [], metric, control, direction, feedbackMetric, sticky } = flags;
  const plan = {
    ...file,
    ...(arm.length > 0 ? { arms: arm.map(readArm) } : withTextVersions(file)),
    ...present({ metric, control, direction, feedbackMetric }),
    ...(guard.length > 0 && { guards: Object.entries(readPairs(guard, 'a guard as metric=limit')).map(readGuard) }),
    ...(sticky !== undefined && { sticky: readSticky(sticky) }),
    ...numbersOf(flags),
  };
  if (!('arms' in plan)) throw usageError('two arms or more are needed: --arm old=1 --arm new=2, or a plan with -f');
  if (!('metric' in plan))
    throw usageError(
      'what decides is missing: --metric feedback, duration, firstToken, interToken, tokensOut, errors or refusals',
    );
  return plan;
}

function readArm(text: string): object {
  const [, name, version, weight] = /^([^=]+)=(\d+)(?::(.+))?$/.exec(text) ?? [];
  if (name === undefined || version === undefined) throw usageError(`--arm: '${text}' was given, expected ${ARM_FORM}`);
  return { name, version, ...(weight !== undefined && { weight: readNumber(weight, '--arm') }) };
}

function readGuard([metric, limit]: readonly [string, string]): object {
  return { metric, limit: readNumber(limit, '--guard') };
}

function readSticky(text: string): object {
  const header = /^header:(.+)$/.exec(text)?.[1];
  return header === undefined ? { by: text } : { by: 'header', header };
}

function numbersOf(flags: ExperimentFlags): Record<string, number> {
  const names = ['minimumEffect', 'falseAlarmRate', 'mostRequests', 'mostMinutes'] as const;
  return Object.fromEntries(
    names.flatMap((name) => {
      const text = flags[name];
      return text === undefined
        ? []
        : [[name, readNumber(text, `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`)]];
    }),
  );
}

/** YAML and JSON write versions as numbers. */
function withTextVersions({ arms }: Readonly<Record<string, unknown>>): { readonly arms?: unknown } {
  if (!Array.isArray(arms)) return arms === undefined ? {} : { arms };
  return {
    arms: arms.map((arm: unknown) =>
      typeof arm === 'object' && arm !== null && 'version' in arm && typeof arm.version === 'number'
        ? { ...arm, version: String(arm.version) }
        : arm,
    ),
  };
}

function present(fields: Readonly<Record<string, string | undefined>>): Record<string, string> {
  return Object.fromEntries(Object.entries(fields).filter((entry): entry is [string, string] => entry[1] !== undefined));
}
