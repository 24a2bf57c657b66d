import type { EvidenceRecords } from '../core/records/index.ts';
import type { Logger } from '../core/telemetry/index.ts';

const FORGET_EVERY_MS = 600_000;
/** As long as answers are kept. */
const KEEP_MS = 7 * 24 * 3_600_000;

/** Where evidence is forgotten. */
export interface EvidenceRetentionOptions {
  readonly book: Pick<EvidenceRecords, 'forgetAssignments'>;
  readonly logger: Logger;
  /** Unix milliseconds. */
  readonly now?: () => number;
}

/** Forgets who was given which arm a week after an experiment has ended; what it found stays. */
export class EvidenceRetention {
  readonly #options: EvidenceRetentionOptions;
  readonly #timer: NodeJS.Timeout;
  #forgetting: Promise<void>;

  constructor(options: EvidenceRetentionOptions) {
    this.#options = options;
    this.#forgetting = this.#forget();
    this.#timer = setInterval(() => {
      this.#forgetting = this.#forgetting.then(() => this.#forget());
    }, FORGET_EVERY_MS).unref();
  }

  /** Resolves when nothing is under way any more. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#forgetting;
  }

  async #forget(): Promise<void> {
    const { book, logger, now = Date.now } = this.#options;
    try {
      await book.forgetAssignments(now() - KEEP_MS);
    } catch (error) {
      logger.warn({ err: error }, 'units of experiments that ended long ago could not be forgotten yet');
    }
  }
}
