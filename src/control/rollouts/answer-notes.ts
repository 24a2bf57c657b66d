import { PlinthError } from '../../core/errors/index.ts';
import type { Feedback, Observation } from '../../core/messages/index.ts';
import type { AnswerRecord, EvidenceRecords } from '../../core/records/index.ts';
import type { Logger } from '../../core/telemetry/index.ts';

const FLUSH_MS = 250;
const MOST_WAITING = 20_000;

/** Where answers are noted. */
export interface AnswerNotesOptions {
  readonly book: EvidenceRecords;
  readonly logger: Logger;
}

/** Which version answered which request, written in batches: so feedback finds the version that it is about. */
export class AnswerNotes {
  readonly #options: AnswerNotesOptions;
  readonly #timer: NodeJS.Timeout;
  #waiting: AnswerRecord[] = [];
  #writing: Promise<void> | undefined;

  constructor(options: AnswerNotesOptions) {
    this.#options = options;
    this.#timer = setInterval(() => void this.#flush(), FLUSH_MS).unref();
  }

  note({ requestId, keyId, model, version, arm, purpose, unit, at }: Observation): void {
    if (this.#waiting.length >= MOST_WAITING) return;
    this.#waiting.push({ requestId, model, version, arm, purposeId: purpose.id, unit, keyId, at });
  }

  /** Throws `not_found` for an answer that nobody knows, and just so for one that another key asked for: ids cannot be probed. */
  async addFeedback(feedback: Feedback): Promise<void> {
    const { book } = this.#options;
    const { requestId, score, metric, at } = feedback;
    const answer = (await this.#findRated(feedback)) ?? (await this.#flush().then(() => this.#findRated(feedback)));
    if (answer === undefined)
      throw new PlinthError({
        code: 'not_found',
        message: `No answer '${requestId.slice(0, 100)}' is known: feedback is taken for a week on answers of versions that are compared.`,
        param: 'request_id',
      });
    const { model, version, arm, purposeId } = answer;
    await book.addFeedback({ requestId, model, version, arm, purposeId, metric, score, at });
  }

  async #findRated({ requestId, keyId, role }: Feedback): Promise<AnswerRecord | undefined> {
    const answer = await this.#options.book.findAnswer(requestId);
    return role === 'admin' || answer?.keyId === keyId ? answer : undefined;
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#flush();
  }

  /** Everything that was noted before. */
  async #flush(): Promise<void> {
    await this.#writing;
    this.#writing ??= this.#write().finally(() => (this.#writing = undefined));
    await this.#writing;
  }

  async #write(): Promise<void> {
    const batch = this.#waiting;
    if (batch.length === 0) return;
    this.#waiting = [];
    const isWritten = await this.#attempt(() => this.#options.book.noteAnswers(batch));
    if (!isWritten) this.#waiting = [...batch, ...this.#waiting].slice(0, MOST_WAITING);
  }

  async #attempt(work: () => Promise<void>): Promise<boolean> {
    try {
      await work();
      return true;
    } catch (error) {
      this.#options.logger.warn({ err: error }, 'answers could not be noted for feedback');
      return false;
    }
  }
}
