import { PlinthError } from '../../../core/errors/index.ts';
import type { ReleaseContents } from '../../../core/records/index.ts';

/** The versions that are to be compared. Versions are digits or, with a leading `@`, aliases. */
export interface RehearsalWish {
  readonly model: string;
  readonly to: string;
  /** Absent: the version that requests go to. */
  readonly from?: string | undefined;
}

/**
 * The two versions of a rehearsal. Without `from` the one with the most weight, else the highest that is not the candidate. Nothing is
 * moved, so any two versions will do. Throws `model_not_found`, `version_not_found`, `invalid_request` and `conflict`.
 */
export function chooseRehearsedVersions(
  { model, to, from }: RehearsalWish,
  { versions, lines }: Pick<ReleaseContents, 'versions' | 'lines'>,
): { readonly baseline: string; readonly candidate: string } {
  const known = versions.filter((record) => record.model === model).map(({ version }) => version);
  if (known.length === 0)
    throw new PlinthError({ code: 'model_not_found', message: `There is no model '${model}' with versions.`, param: 'model' });
  const line = lines.find((record) => record.model === model);
  const find = (wanted: string, param: string): string => {
    const alias = wanted.startsWith('@') ? wanted.slice(1) : undefined;
    const aliases = line?.aliases ?? {};
    const version = alias !== undefined && Object.hasOwn(aliases, alias) ? aliases[alias] : wanted;
    if (version !== undefined && known.includes(version)) return version;
    const message = `${param}: '${model}' has no version ${wanted}; it has ${known.join(', ')}.`;
    throw new PlinthError({ code: 'version_not_found', message, param });
  };
  const candidate = find(to, 'to');
  const weights = line?.traffic.weights ?? {};
  const weightOf = (version: string) => (Object.hasOwn(weights, version) ? (weights[version] ?? 0) : 0);
  const others = known.filter((version) => version !== candidate);
  const [usual] = others.toSorted((a, b) => weightOf(b) - weightOf(a) || Number(b) - Number(a));
  const baseline = from === undefined ? usual : find(from, 'from');
  if (baseline === undefined)
    throw new PlinthError({
      code: 'conflict',
      message: `'${model}' has no version but ${candidate} to compare it with.`,
      param: 'to',
    });
  if (baseline === candidate)
    throw new PlinthError({ code: 'invalid_request', message: `from and to are both version ${candidate}.`, param: 'to' });
  return { baseline, candidate };
}
