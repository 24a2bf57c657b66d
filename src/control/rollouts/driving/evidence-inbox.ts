import type { Observation, SampledAnswer, ShadowComparison } from '../../../core/messages/index.ts';
import type { ComparisonScores } from '../verdict.ts';

/** Answers side by side, without a word of what was asked and said. */
export type AnswerPair = Pick<ShadowComparison, 'current' | 'reference' | 'candidate'>;

/** One thing that was seen of a rollout. Plain JSON, never content. */
export type EvidenceItem =
  | { readonly kind: 'observation'; readonly observation: Observation }
  | { readonly kind: 'comparison'; readonly answers: AnswerPair; readonly scores?: ComparisonScores };

/** What was seen since the last look, and how much more there was than could be kept. */
export interface EvidenceLot {
  readonly items: readonly EvidenceItem[];
  readonly dropped: number;
}

interface OpenLot {
  items: EvidenceItem[];
  dropped: number;
}

const MOST_ITEMS = 4_096;

/** Evidence of running rollouts that nobody has looked at yet, bounded for each. */
export class EvidenceInbox {
  readonly #lots = new Map<string, OpenLot>();

  open(rollout: string): void {
    if (!this.#lots.has(rollout)) this.#lots.set(rollout, { items: [], dropped: 0 });
  }

  close(rollout: string): void {
    this.#lots.delete(rollout);
  }

  /** False for a rollout that is not open. What is too much is dropped and counted. */
  offer(rollout: string, item: EvidenceItem): boolean {
    const lot = this.#lots.get(rollout);
    if (lot === undefined) return false;
    if (lot.items.length < MOST_ITEMS) lot.items.push(item);
    else lot.dropped++;
    return true;
  }

  /** The oldest items, and all drops. */
  take(rollout: string, most = MOST_ITEMS): EvidenceLot {
    const lot = this.#lots.get(rollout);
    if (lot === undefined) return { items: [], dropped: 0 };
    const { dropped } = lot;
    lot.dropped = 0;
    return { items: lot.items.splice(0, most), dropped };
  }
}

/** The answers of a comparison with nothing left of them but what was measured. */
export function withoutContent({ current, reference, candidate }: AnswerPair): AnswerPair {
  return {
    current: measuresOf(current),
    candidate: measuresOf(candidate),
    ...(reference !== undefined && { reference: measuresOf(reference) }),
  };
}

function measuresOf(answer: SampledAnswer): SampledAnswer {
  return { ...answer, events: answer.events.filter(({ type }) => type === 'usage-report') };
}
