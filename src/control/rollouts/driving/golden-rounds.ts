import type { RolloutRecord } from '../../../core/records/index.ts';
import type { Logger } from '../../../core/telemetry/index.ts';
import type { RolloutPlan } from '../rollout-plan.ts';
import type { Assessor } from '../rollout-ports.ts';
import type { EvidenceJournal } from './evidence-journal.ts';

const BETWEEN_ROUNDS_MS = 1_000;
const AFTER_NONE_MS = 5_000;

/** What golden questions are asked with. */
export interface GoldenOptions {
  readonly assessor: Assessor;
  readonly rollout: Pick<RolloutRecord, 'id' | 'model' | 'baseline' | 'candidate'>;
  readonly plan: RolloutPlan;
  readonly logger: Logger;
  readonly onAnswered: () => void;
}

/** Asks the golden questions beside everything else, round by round; goes on with the question at which an earlier run was cut off. */
export class GoldenRounds {
  readonly #options: GoldenOptions;
  #abort: AbortController | undefined;
  #notBeforeMs = 0;

  constructor(options: GoldenOptions) {
    this.#options = options;
  }

  /** One round for each place, and further ones while `isMore`: while the judge has not enough to go by. */
  keepAsking(journal: EvidenceJournal, { isMore }: { readonly isMore: boolean }): void {
    const { plan } = this.#options;
    const isWanted = plan.golden.length > 0 && plan.judges.golden !== null && (journal.golden.rounds === 0 || isMore);
    if (isWanted && this.#abort === undefined && performance.now() >= this.#notBeforeMs) void this.#ask(journal);
  }

  /** What still comes of a round under way counts no more. */
  stop(): void {
    this.#abort?.abort();
    this.#abort = undefined;
    this.#notBeforeMs = 0;
  }

  async #ask(journal: EvidenceJournal): Promise<void> {
    const abort = new AbortController();
    this.#abort = abort;
    const { assessor, rollout, plan, logger, onAnswered } = this.#options;
    const { model, baseline, candidate } = rollout;
    const { next } = journal.golden;
    const questions = plan.golden.slice(next);
    let answered = next;
    try {
      for await (const result of assessor.askGolden({ model, baseline, candidate, questions, signal: abort.signal })) {
        if (abort.signal.aborted) return;
        journal.addGolden({ ...result, question: next + result.question });
        answered++;
        onAnswered();
      }
    } catch (error) {
      logger.warn({ err: error, rollout: rollout.id }, 'golden questions could not be asked');
    }
    if (abort.signal.aborted) return;
    this.#abort = undefined;
    // A round that nothing was answered in says nothing; it is tried again.
    if (answered > 0) journal.endGoldenRound();
    this.#notBeforeMs = performance.now() + (answered > 0 ? BETWEEN_ROUNDS_MS : AFTER_NONE_MS);
    onAnswered();
  }
}
