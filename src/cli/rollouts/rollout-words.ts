import { cleanLine } from '../terminal/index.ts';
import type { ShownRollout } from './rollout-document.ts';

const MOST_NAMED = 5;

/** One sentence: who answers now. */
export function describeStanding(rollout: ShownRollout): string {
  const { from, to, state, percent, paused, reason } = rollout;
  const all = (version: string) => `version ${version} answers every request`;
  switch (state) {
    case 'preparing':
      return `Version ${to} gets no requests yet: ${cleanLine(reason)}.`;
    case 'shadowing':
      return `Version ${to} gets copies of requests, callers are answered by version ${from}.`;
    case 'canary':
      return percent >= 100
        ? `Version ${to} answers every request and is still judged.`
        : `Version ${to} answers ${percent} % of requests, version ${from} the rest.`;
    case 'promoted':
      return `Promoted: ${all(to)}.`;
    case 'rolled-back':
      return `Rolled back: ${all(from)}.`;
    case 'aborted':
      return `Aborted: ${all(from)}.`;
    case 'failed':
      return `Failed: ${all(from)}.`;
    default:
      return cleanLine(paused ?? rollout.headline);
  }
}

/** What the candidate has answered of all that callers got, of a rollout that has ended without it: `3 of 1200 answers (0.25 %)`. */
export function describeExposure({ counts, to }: ShownRollout): string | undefined {
  if (counts === undefined) return undefined;
  const { liveCandidate, liveCurrent } = counts;
  const all = liveCandidate + liveCurrent;
  if (liveCandidate === 0) return `No caller got an answer of version ${to}.`;
  return `Callers got ${liveCandidate} of ${all} answers from version ${to} (${Number(((100 * liveCandidate) / all).toPrecision(3))} %).`;
}

/** What the bar of the present step tells already. */
const COUNTED = /^\d+ more (answers of the candidate|comparisons|minutes)$/;

/** Callers that stick together and are all dealt to the version before; the hint that is drawn for it says what to do. */
const PASSED_OVER = /has answered none of the requests of this step/;

/** Whether the serve itself finds it odd that the candidate has got no request of its step. */
export function isPassedOver({ missing }: Pick<ShownRollout, 'missing'>): boolean {
  return missing.some((one) => PASSED_OVER.test(one));
}

/** What a running rollout still waits for besides the numbers of its step; judges that have too little to go by stand together. */
export function listMissing({ missing, verdicts, paused, reason, state }: ShownRollout): readonly string[] {
  const undecided = verdicts.filter((verdict) => verdict.state === 'not-enough-data');
  const known = new Set([...undecided.map((verdict) => `${verdict.judge}: ${verdict.reason}`), `paused: ${paused ?? ''}`]);
  const shown = undecided.slice(0, MOST_NAMED).map(({ judge, candidateCount }) => `${judge} (${candidateCount} so far)`);
  const more = undecided.length > shown.length ? [`${undecided.length - shown.length} more judges`] : [];
  const isGrouped = missing.some((one) => undecided.some((verdict) => one === `${verdict.judge}: ${verdict.reason}`));
  return [
    ...(paused === undefined ? [] : ['resume, promote or abort: it is paused']),
    ...missing
      .filter(
        (one) => !known.has(one) && !COUNTED.test(one) && !PASSED_OVER.test(one) && !(state === 'preparing' && one === reason),
      )
      .map(cleanLine),
    ...(isGrouped ? [`more for the judges ${joinWords([...shown, ...more])}`] : []),
  ];
}

/** `a, b and c` */
function joinWords(words: readonly string[]): string {
  const last = words.at(-1) ?? '';
  return words.length < 2 ? last : `${words.slice(0, -1).join(', ')} and ${last}`;
}
