import { z } from 'zod';
import { PlinthError } from '../../../core/errors/index.ts';
import type { JsonObject } from '../../../core/inference/index.ts';
import type { FeedbackRecord, RolloutRecord } from '../../../core/records/index.ts';
import { RolloutEvidence } from '../judging/index.ts';
import type { RolloutPlan } from '../rollout-plan.ts';
import type { GoldenResult } from '../verdict.ts';
import type { EvidenceLot } from './evidence-inbox.ts';

const count = z.int().min(0);
const goldenSchema = z.strictObject({
  /** Rounds of all questions that have ended here. */
  rounds: count,
  /** The question that comes next in the round under way. */
  next: count,
});
const journalSchema = z.strictObject({
  seen: z.unknown(),
  counted: z.record(z.string(), count),
  feedbackRow: count,
  golden: goldenSchema,
  dropped: count,
});

/** How far the golden questions have been asked in the present state and step. */
export type GoldenProgress = z.infer<typeof goldenSchema>;

type Marks = Omit<z.infer<typeof journalSchema>, 'seen'>;

/** Evidence that another process has reported. */
export interface ReportedLot extends EvidenceLot {
  readonly holder: string;
  readonly sequence: number;
}

/**
 * The evidence of a rollout with marks of what is in it already: written together, so that a report or a line of feedback counts once
 * whichever process reads it next.
 */
export class EvidenceJournal {
  readonly #evidence: RolloutEvidence;
  readonly #marks: Marks;

  private constructor(evidence: RolloutEvidence, marks: Marks) {
    this.#evidence = evidence;
    this.#marks = marks;
  }

  /** Throws `invalid_request` for evidence that this release cannot read. */
  static open(rollout: RolloutRecord, plan: RolloutPlan): EvidenceJournal {
    if (Object.keys(rollout.evidence).length === 0) return EvidenceJournal.begin(rollout, plan);
    const parsed = journalSchema.safeParse(rollout.evidence);
    if (!parsed.success)
      throw new PlinthError({ code: 'invalid_request', message: `The evidence of rollout ${rollout.id} cannot be read.` });
    const { seen, ...marks } = parsed.data;
    return new EvidenceJournal(RolloutEvidence.fromJson(seen), marks);
  }

  static begin({ baseline, candidate }: RolloutRecord, plan: RolloutPlan): EvidenceJournal {
    return new EvidenceJournal(RolloutEvidence.begin({ baseline, candidate, plan }), noMarks());
  }

  get evidence(): RolloutEvidence {
    return this.#evidence;
  }

  get golden(): GoldenProgress {
    return this.#marks.golden;
  }

  get feedbackRow(): number {
    return this.#marks.feedbackRow;
  }

  get dropped(): number {
    return this.#marks.dropped;
  }

  /** Of every process whose reports are in the evidence, the last one; until they are forgotten. */
  get counted(): Readonly<Record<string, number>> {
    return this.#marks.counted;
  }

  toJson(): JsonObject {
    return { seen: this.#evidence.toJson(), ...structuredClone(this.#marks) };
  }

  add({ items, dropped }: EvidenceLot): void {
    this.#marks.dropped += dropped;
    for (const item of items) {
      if (item.kind === 'observation') this.#evidence.observe(item.observation);
      else this.#evidence.compare(item.answers, item.scores);
    }
  }

  /** False for a report that is in it already. */
  addReport(report: ReportedLot): boolean {
    const { counted } = this.#marks;
    if (report.sequence <= (ownCount(counted, report.holder) ?? 0)) return false;
    this.add(report);
    counted[report.holder] = report.sequence;
    return true;
  }

  addFeedback(feedback: FeedbackRecord & { readonly row: number }): void {
    this.#evidence.addFeedback(feedback);
    this.#marks.feedbackRow = Math.max(this.#marks.feedbackRow, feedback.row);
  }

  addGolden(result: GoldenResult): void {
    this.#evidence.addGolden(result);
    this.#marks.golden.next = result.question + 1;
  }

  endGoldenRound(): void {
    this.#marks.golden.rounds++;
    this.#marks.golden.next = 0;
  }

  /** Reports up to these are gone from the book. */
  forgot(upTo: Readonly<Record<string, number>>): void {
    const { counted } = this.#marks;
    const kept = Object.entries(counted).filter(([holder, sequence]) => ownCount(upTo, holder) !== sequence);
    this.#marks.counted = Object.fromEntries(kept);
  }

  /** The journal of the next place; this one stays as it is. */
  entering({ state, step, share }: Pick<RolloutRecord, 'state' | 'step' | 'share'>): EvidenceJournal {
    const evidence = RolloutEvidence.fromJson(this.#evidence.toJson());
    if (state === 'canary') evidence.beginStep(step, share < 1 ? 'both' : 'candidate');
    return new EvidenceJournal(evidence, { ...structuredClone(this.#marks), golden: { rounds: 0, next: 0 } });
  }
}

function noMarks(): Marks {
  return { counted: {}, feedbackRow: 0, golden: { rounds: 0, next: 0 }, dropped: 0 };
}

function ownCount(counted: Readonly<Record<string, number>>, holder: string): number | undefined {
  return Object.hasOwn(counted, holder) ? counted[holder] : undefined;
}
