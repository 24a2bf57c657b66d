import { chooseSignalAction, type ReceivedSignal, type StopSignal } from './choose-signal-action.ts';

export interface StopActions {
  drain(reason: string): void;
  exitNow(): void;
}

const SIGNALS: readonly StopSignal[] = ['SIGINT', 'SIGTERM', 'SIGHUP'];

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
