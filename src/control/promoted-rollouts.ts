import type { ReleaseContents, ReleaseRecords, RolloutRecord } from '../core/records/index.ts';
import type { Logger } from '../core/telemetry/index.ts';

export interface PromotedOptions {
  readonly book: Pick<ReleaseRecords, 'listRollouts'>;
  readonly logger: Logger;
  /** Another promotion is known than before. */
  readonly onFound: () => void;
}

/** So many rollouts that ended otherwise since the promotion are looked behind. */
const MOST_LISTED = 100;

/** The newest promotion of each model. The contents of the book have it until a later rollout has ended; then it is read once. */
export class PromotedRollouts {
  readonly #options: PromotedOptions;
  readonly #known = new Map<string, { readonly ended: string; readonly promoted: RolloutRecord | undefined }>();
  readonly #reading = new Set<string>();

  constructor(options: PromotedOptions) {
    this.#options = options;
  }

  /** Undefined where there is none, or none is known yet. */
  find({ rollouts }: Pick<ReleaseContents, 'rollouts'>, model: string): RolloutRecord | undefined {
    const [ended] = endedFirst(rollouts.filter((rollout) => rollout.model === model));
    if (ended === undefined) return undefined;
    if (ended.state === 'promoted') this.#known.set(model, { ended: ended.id, promoted: ended });
    else if (this.#known.get(model)?.ended !== ended.id) void this.#read(model, ended.id);
    return this.#known.get(model)?.promoted;
  }

  async #read(model: string, ended: string): Promise<void> {
    if (this.#reading.has(model)) return;
    this.#reading.add(model);
    try {
      const listed = await this.#options.book.listRollouts(model, MOST_LISTED);
      const [promoted] = endedFirst(listed.filter(({ state }) => state === 'promoted'));
      const before = this.#known.get(model)?.promoted;
      this.#known.set(model, { ended, promoted });
      if (promoted?.id !== before?.id) this.#options.onFound();
    } catch (error) {
      this.#options.logger.warn({ err: error, model }, 'the last promotion of a model cannot be read now');
    } finally {
      this.#reading.delete(model);
    }
  }
}

function endedFirst(rollouts: readonly RolloutRecord[]): readonly RolloutRecord[] {
  const ended = rollouts.filter(({ endedAt }) => endedAt !== undefined);
  return ended.toSorted((a, b) => (b.endedAt ?? 0) - (a.endedAt ?? 0));
}
