import { chooseSignalAction, type ReceivedSignal, type StopSignal } from './choose-signal-action.ts';

export interface StopActions {
  drain(reason: string): void;
  exitNow(): void;
}

const SIGNALS: readonly StopSignal[] = ['SIGINT', 'SIGTERM', 'SIGHUP'];
const PARENT_POLL_MS = 500;

/** Stop signals of this process, until it exits. */
export function watchSignals(actions: StopActions): void {
  let lastCounted: ReceivedSignal | undefined;
  for (const signal of SIGNALS) {
    process.on(signal, () => {
      const received = { signal, atMs: performance.now() };
      const action = chooseSignalAction(received, lastCounted);
      if (action !== 'ignore') lastCounted = received;
      if (action === 'drain') actions.drain(signal);
      if (action === 'exit') actions.exitNow();
    });
  }
}

/** A package manager that was killed outright cannot pass the signal on; its child sees only that its parent has changed. */
export function watchParent(actions: Pick<StopActions, 'drain'>): void {
  const parent = process.ppid;
  const timer = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(timer);
    actions.drain('parent process gone');
  }, PARENT_POLL_MS);
  timer.unref();
}
