import { cleanLine, formatDuration, formatTable, formatTime, type Column, type Terminal } from '../terminal/index.ts';
import type { ShownRollout, ShownVerdict } from './rollout-document.ts';

const SIGNS = { done: '●', current: '◉', next: '○', skipped: '·' } as const;

/**
 * A rollout as a person reads it: a sentence, its steps in a line, what the judges say and what is missing.
 * `● prepare ─ ● shadow ─ ◉ canary 5 % (12 of 50) ─ ○ canary 25 % ─ ○ promoted`
 */
export function drawRollout(rollout: ShownRollout, terminal: Terminal): string {
  const { model, from, to, state, id, startedBy, startedAt, endedAt } = rollout;
  const lasted = formatDuration(Math.max(0, (endedAt ?? Date.now()) - startedAt));
  const parts = [
    terminal.paint('bold', `${cleanLine(model)}  ${from} → ${to}  ${stateWords(state, terminal)}`),
    cleanLine(rollout.headline),
    '',
    drawSteps(rollout, terminal),
    '',
    formatTable(rollout.verdicts, COLUMNS, terminal).trimEnd(),
    ...(rollout.missing.length > 0 ? ['', 'Missing:', ...rollout.missing.map((one) => `  ${cleanLine(one)}`)] : []),
    '',
    `${id}, begun ${formatTime(startedAt)} by ${cleanLine(startedBy)}, ${endedAt === undefined ? 'for' : 'took'} ${lasted}`,
  ];
  return `${parts.filter((part, i) => part !== '' || parts[i - 1] !== '').join('\n')}\n`;
}

/** The verdicts of a report without a rollout. */
export function drawVerdicts(verdicts: readonly ShownVerdict[], terminal: Terminal): string {
  return formatTable(verdicts, COLUMNS, terminal);
}

/** In one line where it fits, else one step to a line. */
export function drawSteps({ steps, state }: ShownRollout, terminal: Terminal): string {
  const shown = steps.map((step) => {
    const seen = step.state === 'current' && step.needed !== undefined ? ` (${step.seen ?? 0} of ${step.needed.count})` : '';
    const sign = step.state === 'current' && STOPPED.has(state) ? '✖' : SIGNS[step.state];
    return { ...step, text: `${sign} ${step.name}${seen}` };
  });
  const line = shown.map(({ text }) => text).join(' ─ ');
  const isNarrow = line.length > terminal.columns;
  return shown
    .map(({ text, state: own }) => (own === 'current' ? terminal.paint('bold', text) : text))
    .join(isNarrow ? '\n' : ' ─ ');
}

const STOPPED = new Set(['rolled-back', 'aborted', 'failed']);

function stateWords(state: string, terminal: Terminal): string {
  if (STOPPED.has(state)) return terminal.paint('red', state);
  return state === 'promoted' ? terminal.paint('green', state) : state;
}

const WORDS: Readonly<Record<string, string>> = {
  pass: '✔ pass',
  fail: '✖ FAIL',
  'not-enough-data': '… not enough data',
  off: '– off',
};

const COLUMNS: ReadonlyArray<Column<ShownVerdict>> = [
  { title: 'JUDGE', value: (verdict) => verdict.judge },
  { title: 'VERDICT', value: (verdict) => WORDS[verdict.state] ?? verdict.state },
  {
    title: 'CURRENT',
    align: 'right',
    value: ({ current, unit, currentCount }) => measure(current, { unit, count: currentCount }),
  },
  {
    title: 'CANDIDATE',
    align: 'right',
    value: ({ candidate, unit, candidateCount }) => measure(candidate, { unit, count: candidateCount }),
  },
  { title: 'WHY', isElastic: true, value: (verdict) => verdict.reason },
];

function measure(
  value: number | undefined,
  { unit, count }: { readonly unit: string; readonly count: number },
): string | undefined {
  if (value === undefined) return undefined;
  const text =
    unit === 'share' ? `${(100 * value).toFixed(1)} %` : `${Number(value.toPrecision(3))}${unit === 'ms' ? ' ms' : ''}`;
  return `${text} (${count})`;
}
