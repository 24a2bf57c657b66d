import type { Logger } from '../../core/telemetry/index.ts';
import { watchParent } from './watch-parent.ts';
import { watchSignals } from './watch-signals.ts';

/** What has to end before the process may. */
export interface Stoppable {
  drain(drainMs: number): Promise<void>;
  killReplicas(): void;
  /** Runs last, however the end comes; takes no time. */
  release(): void;
}

export interface ShutdownOptions {
  readonly drainMs: number;
  readonly logger: Logger;
  /** Also ends when the process that started this one is gone. */
  readonly followsParent: boolean;
}

/** What ending replicas and closing ports may take beyond the drain itself. */
const GRACE_MS = 5000;
const INTERRUPTED = 130;

/** Ends the process: by draining (status 0), at once (130), or after a defect (1). In every case no replica is left behind. */
export class Shutdown {
  readonly #options: ShutdownOptions;
  #running: Stoppable | undefined;
  #hasBegun = false;

  constructor(options: ShutdownOptions) {
    this.#options = options;
    watchSignals({ drain: (signal) => this.drain(signal), exitNow: () => this.#exit(INTERRUPTED) });
    if (options.followsParent) watchParent(() => this.drain('parent process gone'));
    process.on('uncaughtException', (error) => this.#failInternally(error));
    process.on('unhandledRejection', (error) => this.#failInternally(error));
  }

  get hasBegun(): boolean {
    return this.#hasBegun;
  }

  attach(running: Stoppable): void {
    this.#running = running;
  }

  /** Only the first call counts. */
  drain(reason: string): void {
    if (this.#hasBegun) return;
    this.#hasBegun = true;
    const { drainMs, logger } = this.#options;
    logger.info({ reason, drainMs }, 'draining');
    void this.#drainRunning();
  }

  async #drainRunning(): Promise<void> {
    const { drainMs, logger } = this.#options;
    const overdue = setTimeout(() => this.#failInternally(new Error('the drain did not end in its time')), drainMs + GRACE_MS);
    try {
      await this.#running?.drain(drainMs);
      clearTimeout(overdue);
      logger.info('stopped');
      this.#exit(0);
    } catch (error) {
      this.#failInternally(error);
    }
  }

  /** Ends with status 1 and says why. */
  fail(message: string): void {
    this.#options.logger.fatal(message);
    this.#exit(1);
  }

  #failInternally(error: unknown): void {
    this.#options.logger.fatal({ err: error }, 'ending after an internal error');
    this.#exit(1);
  }

  #exit(status: number): void {
    this.#running?.killReplicas();
    this.#running?.release();
    process.exit(status);
  }
}
