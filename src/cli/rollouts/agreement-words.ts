import type { ShownAgreement } from './rollout-document.ts';

/** The versions whose answers were compared. */
export interface ComparedVersions {
  readonly from: string;
  readonly to: string;
}

/** How often the candidate gave the caller's answer again, and how often the version before did when it was asked twice. */
export function describeAgreement(agreement: ShownAgreement, { from, to }: ComparedVersions): string {
  const { comparisons, exact, normalised, referenceExact, referenceNormalised } = agreement;
  const share = (count: number) => `${Number(((100 * count) / comparisons).toPrecision(3))} %`;
  const own = `${share(referenceExact)} and ${share(referenceNormalised)} when version ${from} is asked again`;
  return `version ${to} gives the same answer as version ${from} in ${share(exact)} of ${comparisons} comparisons exactly, in ${share(normalised)} but for case and punctuation; ${own}`;
}
