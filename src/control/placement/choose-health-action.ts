import type { ReplacementReason } from './replica-report.ts';

/** How a serving replica looks at one moment. All times in milliseconds of one monotonic clock. */
export interface HealthView {
  readonly nowMs: number;
  readonly lastPongAtMs: number;
  /** How long its threads, all together, have stood in line for a processor since that pong. */
  readonly starvedMs: number;
  /** When its step count last changed. */
  readonly lastStepAtMs: number;
  /** Since when it has held work that could take a step, without a gap; undefined while it holds none. */
  readonly workHeldSinceMs: number | undefined;
  /** Requests that it runs or that wait in it, those that slow readers hold up included. */
  readonly heldRequests: number;
  /** What a step usually takes at most. */
  readonly normalStepMs: number;
  /** When an answer, or a piece of one, last came out of its engine. */
  readonly lastAnswerAtMs: number;
  /** When the probe that is still out was sent; undefined when none is. */
  readonly probeSentAtMs: number | undefined;
  readonly rssBytes: number;
  /** 0 is no limit. */
  readonly memoryLimitBytes: number;
}

export type HealthAction =
  | { readonly type: 'none' }
  | { readonly type: 'probe' }
  | { readonly type: 'replace'; readonly reason: ReplacementReason; readonly detail: string };

const STALL_STEPS = 20;
const STALL_GRACE_MS = 2_000;
const PROBE_AFTER_MS = 20_000;
/** Of a silence at most so much is excused by starvation, so that a loop without end is found on a crowded machine too. */
const MOST_EXCUSED = 0.9;

/** Longest silence that is still normal: 20 usual steps and 2 s, so that with pings every 250 ms a stall is seen within 3 s of 20 steps. */
function stallLimitMs(normalStepMs: number): number {
  return STALL_STEPS * normalStepMs + STALL_GRACE_MS;
}

/** What to do about a replica that is serving. Silence outweighs everything else: a process that is stopped tells nothing of its work. */
export function chooseHealthAction(view: HealthView): HealthAction {
  return checkMemory(view) ?? checkPulse(view) ?? checkProgress(view) ?? checkProbe(view) ?? considerProbe(view);
}

/** Also asked while a replica loads, when nothing else of it can be judged. */
export function checkMemory(view: Pick<HealthView, 'rssBytes' | 'memoryLimitBytes'>): HealthAction | undefined {
  if (view.memoryLimitBytes === 0 || view.rssBytes <= view.memoryLimitBytes) return undefined;
  return replaceFor('memory-limit', `resident memory is ${view.rssBytes} bytes, the limit is ${view.memoryLimitBytes} bytes`);
}

function checkPulse(view: HealthView): HealthAction | undefined {
  const silentMs = view.nowMs - view.lastPongAtMs;
  const ownSilenceMs = silentMs - Math.min(view.starvedMs, silentMs * MOST_EXCUSED);
  const limitMs = stallLimitMs(view.normalStepMs);
  const starvation = view.starvedMs > 0 ? ` (${Math.round(ownSilenceMs)} ms of it with a processor)` : '';
  return ownSilenceMs > limitMs
    ? replaceFor('hung', `no sign of life for ${Math.round(silentMs)} ms${starvation}, ${Math.round(limitMs)} ms allowed`)
    : undefined;
}

function checkProgress(view: HealthView): HealthAction | undefined {
  if (view.workHeldSinceMs === undefined) return undefined;
  const stalledMs = view.nowMs - Math.max(view.lastStepAtMs, view.workHeldSinceMs);
  const limitMs = stallLimitMs(view.normalStepMs);
  if (stalledMs <= limitMs) return undefined;
  return replaceFor(
    'no-progress',
    `holds work and made no step for ${Math.round(stalledMs)} ms, ${Math.round(limitMs)} ms allowed`,
  );
}

function checkProbe(view: HealthView): HealthAction | undefined {
  if (view.probeSentAtMs === undefined) return undefined;
  // Answers to requests are as good as the probe's, which may come out behind them.
  const waitedMs = view.nowMs - Math.max(view.probeSentAtMs, view.lastAnswerAtMs);
  const limitMs = stallLimitMs(view.normalStepMs);
  if (waitedMs <= limitMs) return undefined;
  return replaceFor('probe-late', `no answer to a probe for ${Math.round(waitedMs)} ms, ${Math.round(limitMs)} ms allowed`);
}

function considerProbe(view: HealthView): HealthAction {
  const isIdle = view.heldRequests === 0 && view.probeSentAtMs === undefined;
  return isIdle && view.nowMs - view.lastAnswerAtMs >= PROBE_AFTER_MS ? { type: 'probe' } : { type: 'none' };
}

function replaceFor(reason: ReplacementReason, detail: string): HealthAction {
  return { type: 'replace', reason, detail };
}
