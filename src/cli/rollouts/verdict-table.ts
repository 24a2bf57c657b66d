import { cleanLine, formatTable, hangText, type Column, type Style, type Terminal } from '../terminal/index.ts';
import type { ShownVerdict } from './rollout-document.ts';

/** What is drawn of the judges. */
export interface VerdictView {
  /** The versions that are compared, as titles of their columns. */
  readonly current: string;
  readonly candidate: string;
  /** Judges that are off are shown with why they are. */
  readonly withOff?: true;
}

const WORDS: Readonly<Record<string, readonly [words: string, style: Style]>> = {
  pass: ['✔ pass', 'green'],
  fail: ['✖ FAIL', 'red'],
  'not-enough-data': ['… undecided', 'yellow'],
  off: ['– off', 'dim'],
};

/** What more or less means, by judge: where less is worse the limit is a loss, and some limits hold both ways. */
const LIMIT_SIGNS: Readonly<Record<string, string>> = {
  tokensOut: '±',
  similarity: '−',
  perplexity: '−',
  structure: '−',
  golden: '−',
  preference: '−',
  feedback: '−',
  drift: '',
};

/** The judges that are on, in a table; then how many are off, or why each of them is. */
export function drawVerdicts(verdicts: readonly ShownVerdict[], view: VerdictView, terminal: Terminal): string {
  const on = verdicts.filter(({ state }) => state !== 'off');
  const off = verdicts.filter(({ state }) => state === 'off');
  const table = on.length === 0 ? '' : formatTable(on, columnsOf(view), terminal);
  return `${table}${drawOff(off, view, terminal)}`;
}

/** `44 ms instead of 1.33 ms: +3254 %, limit +50 %`: by how much a judge is exceeded. */
export function describeGap(verdict: ShownVerdict): string {
  const { current, candidate, unit } = verdict;
  const change = changeOf(verdict);
  if (change === undefined || candidate === undefined) return cleanLine(verdict.reason);
  const instead = current === undefined ? '' : ` instead of ${measure(current, unit)}`;
  return `${measure(candidate, unit)}${instead}: ${change}, limit ${limitOf(verdict)}`;
}

function drawOff(off: readonly ShownVerdict[], { withOff }: VerdictView, terminal: Terminal): string {
  if (off.length === 0) return '';
  if (withOff !== true) {
    const words = off.length === 1 ? `${off[0]?.judge ?? ''} is off` : `${off.length} judges are off`;
    return `${terminal.paint('dim', `${cleanLine(words)}; --all shows why`)}\n`;
  }
  const width = Math.max(...off.map(({ judge }) => judge.length));
  const lines = off.map(({ judge, reason }) => hangText(`${judge.padEnd(width)}  – off  `, cleanLine(reason), terminal));
  return `\n${lines.join('')}`;
}

function columnsOf({ current, candidate }: VerdictView): ReadonlyArray<Column<ShownVerdict>> {
  return [
    { title: 'JUDGE', value: ({ judge }) => judge },
    { title: 'VERDICT', value: ({ state }) => WORDS[state]?.[0] ?? state, style: ({ state }) => WORDS[state]?.[1] },
    { title: current, align: 'right', value: (verdict) => measure(verdict.current, verdict.unit) },
    { title: candidate, align: 'right', value: (verdict) => measure(verdict.candidate, verdict.unit) },
    { title: 'CHANGE', align: 'right', value: changeOf, style: ({ state }) => (state === 'fail' ? 'red' : undefined) },
    { title: 'LIMIT', align: 'right', value: limitOf },
    {
      title: 'SEEN',
      align: 'right',
      isSpare: true,
      value: ({ currentCount, candidateCount }) => `${currentCount}/${candidateCount}`,
    },
    { title: 'BETWEEN', align: 'right', isSpare: true, value: boundsOf },
  ];
}

function measure(value: number | undefined, unit: string): string | undefined {
  if (value === undefined) return undefined;
  if (unit === 'share') return `${round(100 * value)} %`;
  return unit === 'ms' ? `${round(value)} ms` : round(value);
}

/** Times, tokens and prices change by a ratio of the current version's, shares by points, scores by what they are. */
function amountOf(verdict: ShownVerdict, amount: number): string {
  const { unit, current } = verdict;
  if (isRatio(verdict) && current !== undefined && current > 0) return `${round((100 * amount) / current)} %`;
  return unit === 'share' ? `${round(100 * amount)} pt` : round(amount);
}

function isRatio({ unit }: ShownVerdict): boolean {
  return unit === 'ms' || unit === 'tokens' || unit === 'price';
}

function changeOf(verdict: ShownVerdict): string | undefined {
  const { difference, candidate, unit } = verdict;
  if (unit === 'index') return candidate === undefined ? undefined : round(candidate);
  return difference === undefined ? undefined : signed(verdict, difference.estimate);
}

function boundsOf(verdict: ShownVerdict): string | undefined {
  const { difference } = verdict;
  return difference && `${signed(verdict, difference.low)} … ${signed(verdict, difference.high)}`;
}

function limitOf(verdict: ShownVerdict): string {
  return `${LIMIT_SIGNS[verdict.judge] ?? '+'}${amountOf(verdict, verdict.limit)}`;
}

function signed(verdict: ShownVerdict, amount: number): string {
  const text = amountOf(verdict, Math.abs(amount));
  if (/^0 ?(%|pt)?$/.test(text)) return text;
  return `${amount < 0 ? '−' : '+'}${text}`;
}

/** Three digits that count; large numbers whole, tiny ones as nothing. */
function round(value: number): string {
  if (Math.abs(value) >= 1000) return String(Math.round(value));
  if (Math.abs(value) < 0.0005) return '0';
  return String(Number(value.toPrecision(3)));
}
