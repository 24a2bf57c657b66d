/** The moment at which a batch could be sent off. Times in milliseconds. */
export interface DispatchView {
  /** Rows that could go now, in one batch. */
  readonly rows: number;
  /** So many are worth sending at once. */
  readonly enoughRows: number;
  /** Since the first of them arrived. */
  readonly waitedMs: number;
  readonly maxDelayMs: number;
  /** Since the last request arrived, of whichever shape. */
  readonly silentMs: number;
  /** Recent mean time between arrivals; Infinity before there were two. */
  readonly meanGapMs: number;
}

/** A silence so much longer than usual says that nobody is on the way. */
const PATIENCE = 3;
/** Requests that came together say nothing of when the next will come. */
const LEAST_PATIENCE_MS = 0.1;

/** How long the batch should still wait for others to join; 0 sends it now. Nobody waits when nobody is expected in time. */
export function chooseDispatch(view: DispatchView): number {
  const leftMs = view.maxDelayMs - view.waitedMs;
  if (leftMs <= 0 || view.rows >= view.enoughRows) return 0;
  if (view.meanGapMs > leftMs) return 0;
  const patienceMs = Math.max(LEAST_PATIENCE_MS, view.meanGapMs * PATIENCE) - view.silentMs;
  return patienceMs <= 0 ? 0 : Math.min(leftMs, patienceMs);
}
