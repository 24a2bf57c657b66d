import { drawBar, formatClock, hangText, type Style, type Terminal } from '../terminal/index.ts';
import type { ShownRollout, ShownStep } from './rollout-document.ts';

const GAP = 2;
const NARROWEST = 4;
const BAR_WIDTH = 24;
/** What is no terminal has no width; a longer line than this is hard to read all the same. */
const PIPE_COLUMNS = 160;

const STOPPED = new Set(['rolled-back', 'aborted', 'failed']);
const SIGNS: Readonly<Record<ShownStep['state'], readonly [sign: string, style: Style]>> = {
  done: ['●', 'green'],
  current: ['◉', 'cyan'],
  next: ['○', 'dim'],
  skipped: ['·', 'dim'],
};

/** Whether a rollout ended without its candidate. */
export function hasStopped({ state }: Pick<ShownRollout, 'state'>): boolean {
  return STOPPED.has(state);
}

/**
 * The steps in a line, their names below, the present one with how far it is; one step to a line where they do not fit.
 *
 *     ●────────●───────◉────○─────○
 *     prepare  shadow  1 %  25 %  promoted
 */
export function drawSteps(rollout: ShownRollout, terminal: Terminal): string {
  const columns = terminal.isInteractive ? terminal.columns : PIPE_COLUMNS;
  const cells = rollout.steps.map((step) => ({ step, label: labelOf(step), sign: signOf(step, rollout) }));
  const widths = cells.map(({ label }) => Math.max(label.length, NARROWEST) + GAP);
  const total = widths.reduce((sum, width) => sum + width, 0);
  if (total > columns) return drawList(cells, rollout, terminal);
  const line = cells.map(({ step, sign: [sign, style] }, i) => {
    const isLast = i === cells.length - 1;
    const rule = isLast ? '' : '─'.repeat((widths[i] ?? 1) - 1);
    return terminal.paint(style, sign) + terminal.paint(step.state === 'done' ? 'green' : 'dim', rule);
  });
  const names = cells.map(({ step, label, sign: [, style] }, i) => {
    const space = ' '.repeat(i === cells.length - 1 ? 0 : (widths[i] ?? 0) - label.length);
    return (step.state === 'current' ? terminal.paint(style, label) : label) + space;
  });
  return `${line.join('')}\n${names.join('')}\n`;
}

interface Cell {
  readonly step: ShownStep;
  readonly label: string;
  readonly sign: readonly [sign: string, style: Style];
}

function drawList(cells: readonly Cell[], rollout: ShownRollout, terminal: Terminal): string {
  return cells
    .map(({ step, label, sign: [sign, style] }) => {
      const seen = step.state === 'current' ? describeProgress(rollout) : undefined;
      return `${terminal.paint(style, sign)} ${label}${seen === undefined ? '' : `  ${seen}`}\n`;
    })
    .join('');
}

/** `So far     ██████░░░░  31 of 50 answers, not before 12:51:03`; empty where there is nothing to count. */
export function drawProgress(rollout: ShownRollout, terminal: Terminal): string {
  const step = currentStep(rollout);
  const words = describeProgress(rollout);
  if (step?.needed === undefined || words === undefined || !rollout.isRunning) return '';
  const bar = drawBar(seenOf(rollout, step) / Math.max(1, step.needed.count), BAR_WIDTH);
  const heading = `So far     ${bar}  `;
  return hangText(heading, words, terminal).replace(bar, terminal.paint('cyan', bar));
}

/** `31 of 50 answers, not before 12:51:03` */
export function describeProgress(rollout: ShownRollout): string | undefined {
  const step = currentStep(rollout);
  if (step?.needed === undefined) return undefined;
  const { count, of: noun, minutes } = step.needed;
  const time =
    rollout.isRunning && minutes > 0 && rollout.mayMoveOnAt !== undefined
      ? `, not before ${formatClock(rollout.mayMoveOnAt)}`
      : '';
  return `${seenOf(rollout, step)} of ${count} ${noun}${time}`;
}

/** The step that a rollout is at, or was at when it ended. */
export function currentStep({ steps }: ShownRollout): ShownStep | undefined {
  return steps.find(({ state }) => state === 'current');
}

/** `canary 5 %` → `5 %` */
function labelOf({ name }: ShownStep): string {
  return name.replace(/^canary /, '');
}

/** What an ended rollout has seen of its last step is only in its counts. */
function seenOf({ counts, isRunning }: ShownRollout, step: ShownStep): number {
  if (isRunning || counts === undefined) return step.seen ?? 0;
  return step.needed?.of === 'comparisons' ? counts.comparisons : counts.stepCandidate;
}

function signOf(step: ShownStep, rollout: ShownRollout): Cell['sign'] {
  if (step.state === 'current' && hasStopped(rollout)) return ['✖', 'red'];
  if (step.state === 'current' && rollout.paused !== undefined) return ['◉', 'yellow'];
  return SIGNS[step.state];
}
