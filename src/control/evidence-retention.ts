import type { EvidenceRecords } from '../core/records/index.ts';
import type { Logger } from '../core/telemetry/index.ts';

const FORGET_EVERY_MS = 600_000;
const KEEP_MS = 7 * 24 * 3_600_000;

/** Where evidence is forgotten. */
export interface EvidenceRetentionOptions {
  readonly book: Pick<EvidenceRecords, 'forgetAnswers' | 'forgetAssignments'>;
  readonly logger: Logger;
  /** Unix milliseconds. */
  readonly now?: () => number;
}

/** Forgets answers after a week, and who was given which arm a week after an experiment has ended; what it found stays. */
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
    const before = now() - KEEP_MS;
    const outcomes = await Promise.allSettled([book.forgetAnswers(before), book.forgetAssignments(before)]);
    for (const outcome of outcomes)
      if (outcome.status === 'rejected')
        logger.warn({ err: outcome.reason }, 'evidence of a week ago could not be forgotten yet');
  }
}
