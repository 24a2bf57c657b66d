import {
  cleanLine,
  formatClock,
  formatDuration,
  formatShare,
  formatTable,
  formatTime,
  hangText,
  type Column,
  type Style,
  type Terminal,
} from '../terminal/index.ts';
import type { ShownArm, ShownExperiment, ShownGuard } from './experiment-document.ts';

const STATES: Readonly<Record<string, readonly [words: string, style: Style]>> = {
  better: ['✔ better', 'green'],
  worse: ['✖ worse', 'red'],
  alike: ['= alike', 'green'],
  undecided: ['… undecided', 'yellow'],
  'not-enough-data': ['… too little', 'yellow'],
};
const GUARDS: Readonly<Record<string, readonly [words: string, style: Style]>> = {
  holds: ['✔ holds', 'green'],
  broken: ['✖ BROKEN', 'red'],
  'not-enough-data': ['… too little', 'yellow'],
};
const DAY_MS = 86_400_000;

/** An experiment as a person reads it: what it has shown in a sentence, its arms, its guards, times. */
export function drawExperiment(experiment: ShownExperiment, terminal: Terminal, now: number): string {
  const { model, metric, direction, arms, guards } = experiment;
  const title = `${terminal.paint('bold', cleanLine(model))}  ${cleanLine(metric)}, ${direction} is better  ${paintState(experiment, terminal)}`;
  const sections = [
    `${title}\n${drawEnd(experiment, terminal)}${drawConclusion(experiment, terminal)}`,
    formatTable(arms, armColumns(experiment), terminal),
    guards.length === 0 ? '' : formatTable(guards, GUARD_COLUMNS, terminal),
    terminal.paint('dim', describeTimes(experiment, now)),
  ];
  return `${sections
    .filter((section) => section !== '')
    .map((section) => section.trimEnd())
    .join('\n\n')}\n`;
}

/** One line of an experiment that is followed without a terminal. */
export function describeStage({ model, state, arms, conclusion }: ShownExperiment): string {
  const requests = arms.reduce((sum, arm) => sum + arm.requests, 0);
  return cleanLine(`${model}  ${state}, ${requests} answers  ${conclusion}`);
}

/** A running experiment that is decided goes on until somebody ends it. */
function paintState({ state, isDecided }: ShownExperiment, terminal: Terminal): string {
  if (state !== 'running') return terminal.paint('bold', cleanLine(state));
  return isDecided ? terminal.paint('green', 'running, decided') : terminal.paint('cyan', 'running');
}

function drawEnd({ state, reason }: ShownExperiment, terminal: Terminal): string {
  return state === 'running' ? '' : hangText('Stopped  ', cleanLine(reason), terminal);
}

/** One line for each thing that it has shown. */
function drawConclusion({ state, conclusion }: ShownExperiment, terminal: Terminal): string {
  const heading = state === 'running' ? 'So far   ' : 'Result   ';
  return cleanLine(conclusion)
    .split('. ')
    .map((sentence, i) => hangText(i === 0 ? heading : ' '.repeat(heading.length), sentence, terminal))
    .join('');
}

function armColumns({ unit, arms }: ShownExperiment): ReadonlyArray<Column<ShownArm>> {
  const all = arms.reduce((sum, { weight }) => sum + weight, 0);
  return [
    { title: 'ARM', isElastic: true, value: ({ name, isControl }) => `${name}${isControl ? ' (control)' : ''}` },
    { title: 'VERSION', align: 'right', value: ({ version }) => version },
    { title: 'SHARE', align: 'right', isSpare: true, value: ({ weight }) => formatShare(weight / all) },
    { title: 'REQUESTS', align: 'right', value: ({ requests }) => requests },
    { title: 'UNITS', align: 'right', isSpare: true, value: ({ assigned }) => assigned },
    { title: 'MEAN', align: 'right', value: ({ mean }) => (mean === undefined ? undefined : measure(mean, unit)) },
    {
      title: 'DIFFERENCE',
      align: 'right',
      value: ({ versusControl }) => versusControl && signed(versusControl.difference, unit),
    },
    {
      title: 'BETWEEN',
      align: 'right',
      isSpare: true,
      value: ({ versusControl }) => versusControl && `${signed(versusControl.low, unit)} … ${signed(versusControl.high, unit)}`,
    },
    { title: 'P', align: 'right', value: ({ versusControl }) => versusControl && probability(versusControl.p) },
    {
      title: 'VERDICT',
      value: ({ versusControl, isControl }) =>
        isControl ? '' : (STATES[versusControl?.state ?? 'not-enough-data']?.[0] ?? versusControl?.state),
      style: ({ versusControl, isControl }) => (isControl ? undefined : STATES[versusControl?.state ?? 'not-enough-data']?.[1]),
    },
  ];
}

const GUARD_COLUMNS: ReadonlyArray<Column<ShownGuard>> = [
  { title: 'GUARD', value: ({ metric }) => metric },
  { title: 'ARM', isElastic: true, value: ({ arm }) => arm },
  { title: 'STATE', value: ({ state }) => GUARDS[state]?.[0] ?? state, style: ({ state }) => GUARDS[state]?.[1] },
  { title: 'WHY', isElastic: true, value: ({ reason }) => reason },
];

function describeTimes({ id, startedAt, startedBy, endedAt, plan }: ShownExperiment, now: number): string {
  const lasted = formatDuration(Math.max(0, (endedAt ?? now) - startedAt));
  const begun = now - startedAt < DAY_MS / 2 ? formatClock(startedAt) : formatTime(startedAt);
  const { mostRequests = 0, mostMinutes = 0 } = plan;
  const ends = [...(mostRequests > 0 ? [`${mostRequests} answers`] : []), ...(mostMinutes > 0 ? [`${mostMinutes} minutes`] : [])];
  const limit = endedAt === undefined && ends.length > 0 ? `, ends after ${ends.join(' or ')}` : '';
  return `${id}, begun ${begun} by ${cleanLine(startedBy)}, ${endedAt === undefined ? 'for' : 'took'} ${lasted}${limit}`;
}

/** A value of a metric: `1.5 %`, `120 ms`, `0.82`. */
function measure(value: number, unit: string): string {
  if (unit === 'share') return `${round(100 * value)} %`;
  return unit === 'ms' ? `${round(value)} ms` : round(value);
}

/** Shares differ by points, scores by what they are, times and tokens by a ratio. */
function signed(difference: number, unit: string): string {
  const size = Math.abs(difference);
  const text = unit === 'score' ? round(size) : unit === 'share' ? `${round(100 * size)} pt` : `${round(100 * size)} %`;
  if (/^0( |$)/.test(text)) return text;
  return `${difference < 0 ? '−' : '+'}${text}`;
}

function probability(p: number): string {
  return p < 0.001 ? '< 0.001' : p.toFixed(3);
}

function round(value: number): string {
  if (Math.abs(value) >= 1000) return String(Math.round(value));
  if (Math.abs(value) < 0.0005) return '0';
  return String(Number(value.toPrecision(3)));
}
