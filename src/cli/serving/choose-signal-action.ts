export type StopSignal = 'SIGINT' | 'SIGTERM' | 'SIGHUP';

export interface ReceivedSignal {
  readonly signal: StopSignal;
  readonly atMs: number;
}

/**
 * One Ctrl-C may arrive twice: the terminal sends it to the whole process group, and npm passes its own copy on to its child. So
 * signals closer together than this count once.
 */
const SAME_PRESS_MS = 300;

/** What a stop signal means after those that were acted on: the first drains, a later Ctrl-C exits at once, all else changes nothing. */
export function chooseSignalAction(
  received: ReceivedSignal,
  lastCounted: ReceivedSignal | undefined,
): 'drain' | 'exit' | 'ignore' {
  if (lastCounted === undefined) return 'drain';
  if (received.atMs - lastCounted.atMs < SAME_PRESS_MS) return 'ignore';
  return received.signal === 'SIGINT' ? 'exit' : 'ignore';
}
