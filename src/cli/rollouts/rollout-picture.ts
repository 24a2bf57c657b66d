import { cleanLine, formatClock, formatDuration, formatTime, hangText, type Style, type Terminal } from '../terminal/index.ts';
import { describeAgreement } from './agreement-words.ts';
import type { ShownRollout, ShownVerdict } from './rollout-document.ts';
import { describeExposure, describeStanding, isPassedOver, listMissing } from './rollout-words.ts';
import { currentStep, describeProgress, drawProgress, drawSteps, hasStopped } from './step-line.ts';
import { describeGap, drawVerdicts } from './verdict-table.ts';

/** How a picture is drawn. */
export interface PictureOptions {
  /** Unix milliseconds. */
  readonly now: number;
  /** Judges that are off are shown too. */
  readonly withOff?: true;
}

const DAY_MS = 86_400_000;
/** No answer at a share for so long is no chance any more. */
const UNMET_MS = 15_000;
const UNMET_ANSWERS = 100;

/** A rollout as a person reads it: one sentence, its steps, how far it is and what it waits for, what the judges say, times. */
export function drawRollout(rollout: ShownRollout, terminal: Terminal, options: PictureOptions): string {
  const { model, from, to, verdicts, withOff } = { ...rollout, ...options };
  const title = `${terminal.paint('bold', cleanLine(`${model}  ${from} → ${to}`))}  ${paintState(rollout, terminal)}\n`;
  const view = { current: `VERSION ${from}`, candidate: `VERSION ${to}`, ...(withOff && { withOff }) };
  const sections = [
    `${title}${hangText('', describeStanding(rollout), terminal)}${drawCause(rollout, terminal)}`,
    drawSteps(rollout, terminal),
    `${drawProgress(rollout, terminal)}${drawMissing(rollout, terminal, options)}`,
    hasSeen(rollout) ? `${drawVerdicts(verdicts, view, terminal)}${drawAgreement(rollout, terminal)}` : '',
    terminal.paint('dim', describeTimes(rollout, options.now)),
  ];
  return `${sections
    .filter((section) => section !== '')
    .map((section) => section.trimEnd())
    .join('\n\n')}\n`;
}

/** One line of a rollout that is followed without a terminal: `chat 3 → 4  canary 5 %  12 of 50 answers` */
export function describeMove(rollout: ShownRollout): string {
  const { model, from, to, state, paused, percent } = rollout;
  const place = state === 'canary' ? `canary ${percent} %` : state;
  const more = paused === undefined ? (describeProgress(rollout) ?? '') : `paused: ${paused}`;
  return cleanLine(`${model} ${from} → ${to}  ${place}  ${more}`);
}

function drawAgreement(rollout: ShownRollout, terminal: Terminal): string {
  const { agreement } = rollout;
  return agreement === undefined ? '' : hangText('Same  ', describeAgreement(agreement, rollout), terminal);
}

/** What ended before it saw anything has no use for a table of dashes. */
function hasSeen({ verdicts, isRunning }: ShownRollout): boolean {
  return verdicts.some(({ currentCount, candidateCount }) => isRunning || currentCount + candidateCount > 0);
}

/** `paused` stands beside the state, because a paused rollout still has one. */
function paintState(rollout: ShownRollout, terminal: Terminal): string {
  const { state, percent, paused } = rollout;
  const style: Style = hasStopped(rollout) ? 'red' : state === 'promoted' ? 'green' : 'cyan';
  const words = terminal.paint(style, state === 'canary' ? `canary ${percent} %` : cleanLine(state));
  return paused === undefined || !rollout.isRunning ? words : `${words}, ${terminal.paint('yellow', 'paused')}`;
}

/** Somebody promoted it in spite of it. */
function isOpen({ state }: ShownVerdict): boolean {
  return state === 'fail' || state === 'not-enough-data';
}

/** Why it stands still or has ended: the judges that said no and by how much, else its reason. */
function drawCause(rollout: ShownRollout, terminal: Terminal): string {
  const { state, paused, verdicts, reason, isRunning } = rollout;
  if (isRunning) return paused === undefined ? '' : hangText('Paused: ', cleanLine(paused), terminal);
  if (state === 'promoted') return verdicts.some(isOpen) ? hangText('Why: ', cleanLine(reason), terminal) : '';
  const failed = verdicts.filter((verdict) => verdict.state === 'fail');
  const exposure = describeExposure(rollout);
  const causes =
    state === 'rolled-back' && failed.length > 0
      ? failed.map((verdict) => hangText(`✖ ${verdict.judge}: `, describeGap(verdict), terminal))
      : [hangText('Why: ', cleanLine(reason), terminal)];
  return `${causes.map((line) => line.replace('✖', terminal.paint('red', '✖'))).join('')}${exposure === undefined ? '' : `${exposure}\n`}`;
}

function drawMissing(rollout: ShownRollout, terminal: Terminal, { now }: PictureOptions): string {
  if (!rollout.isRunning) return '';
  const missing = listMissing(rollout);
  const lines = missing.map((one, i) => hangText(i === 0 ? 'Waits for  ' : '           ', one, terminal));
  return `${lines.join('')}${isUnmet(rollout, now) || isPassedOver(rollout) ? drawUnmet(rollout, terminal) : ''}`;
}

/** Requests come, but none of them falls to the candidate: callers that stick together are too few for its share. */
function isUnmet(rollout: ShownRollout, now: number): boolean {
  const { counts, state, percent, stateSince } = rollout;
  if (state !== 'canary' || percent >= 100 || counts === undefined || counts.stepCandidate > 0) return false;
  return now - stateSince > UNMET_MS && counts.liveCurrent > UNMET_ANSWERS && currentStep(rollout) !== undefined;
}

function drawUnmet({ percent, model }: ShownRollout, terminal: Terminal): string {
  const words = `requests of one caller stay together, and no caller has fallen into these ${percent} % yet; \`plinth traffic set ${cleanLine(model)} --sticky request\` deals every request anew`;
  return hangText('Hint       ', words, terminal);
}

function describeTimes({ id, startedAt, startedBy, stateSince, endedAt, isRunning, dropped }: ShownRollout, now: number): string {
  const lost = dropped !== undefined && dropped > 0 ? `, ${dropped} observations left out for want of time` : '';
  const begun = `${id}, begun ${whenOf(startedAt, now)} by ${cleanLine(startedBy)}`;
  if (endedAt !== undefined)
    return `${begun}, ended ${whenOf(endedAt, now)} after ${formatDuration(Math.max(0, endedAt - startedAt))}${lost}`;
  const here = isRunning ? `, in this step for ${formatDuration(Math.max(0, now - stateSince))}` : '';
  return `${begun}${here}${lost}`;
}

function whenOf(unixMs: number, now: number): string {
  return now - unixMs < DAY_MS / 2 ? formatClock(unixMs) : formatTime(unixMs);
}
