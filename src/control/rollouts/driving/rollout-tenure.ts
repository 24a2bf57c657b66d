import { PlinthError } from '../../../core/errors/index.ts';
import type { JsonObject } from '../../../core/inference/index.ts';
import type { Lease, RolloutRecord } from '../../../core/records/index.ts';
import { choosePause, chooseRolloutChange, type RolloutChange } from '../choose-rollout-change.ts';
import { isRunning, nextPlace } from '../choose-rollout-move.ts';
import { chooseTransition, judge } from '../judging/index.ts';
import { readPlan, type RolloutPlan } from '../rollout-plan.ts';
import type { RolloutEngineOptions, RolloutPace } from '../rollout-ports.ts';
import type { Decision, Verdict } from '../verdict.ts';
import { describeJudgement } from '../judgement.ts';
import { CandidateWatch } from './candidate-watch.ts';
import { chooseOrder, type Order } from './choose-order.ts';
import type { EvidenceInbox, EvidenceItem } from './evidence-inbox.ts';
import { EvidenceJournal } from './evidence-journal.ts';
import { GoldenRounds } from './golden-rounds.ts';

/** Who the audit log says has decided. */
const AUTOPILOT = 'autopilot';
const MOST_REPORTS = 32;
const MOST_FEEDBACK = 500;

/** What a tenure stands on. */
export interface TenureOptions extends Pick<RolloutEngineOptions, 'book' | 'fleet' | 'assessor' | 'logger'> {
  readonly inbox: EvidenceInbox;
  readonly pace: RolloutPace;
  readonly now: () => number;
  /** Something has happened that may decide. */
  readonly onEvidence: () => void;
  readonly onMoved: (rollout: RolloutRecord) => void;
}

/** What the autopilot thinks at one moment. */
interface Thought {
  readonly verdicts: readonly Verdict[];
  readonly decision: Decision;
  readonly order: Order;
}

/** One rollout for as long as this process holds its lease: gathers evidence, asks the judges, and does what they say. */
export class RolloutTenure {
  readonly #options: TenureOptions;
  readonly #plan: RolloutPlan;
  readonly #watch: CandidateWatch;
  readonly #golden: GoldenRounds;
  #rollout: RolloutRecord;
  #journal: EvidenceJournal;
  #waitsSince: number;
  #persistedAtMs = 0;
  #readAtMs = Number.NEGATIVE_INFINITY;
  #persistedReason = '';
  #isDirty = false;

  constructor(rollout: RolloutRecord, options: TenureOptions) {
    const { fleet, assessor, logger, pace, onEvidence } = options;
    const plan = readPlan(rollout.plan);
    this.#options = options;
    this.#rollout = rollout;
    this.#plan = plan;
    this.#journal = openJournal(rollout, plan, options);
    this.#waitsSince = options.now();
    const onAnswered = () => {
      this.#isDirty = true;
      onEvidence();
    };
    this.#watch = new CandidateWatch({ fleet, rollout, plan, absenceMs: pace.absenceMs, onChanged: onEvidence });
    this.#golden = new GoldenRounds({ assessor, rollout, plan, logger, onAnswered });
  }

  /** The newest record that this process has seen; somebody may have paused or ended the rollout. */
  note(rollout: RolloutRecord): void {
    const before = this.#rollout;
    if (rollout.revision <= before.revision) return;
    this.#rollout = rollout;
    this.#isDirty = true;
    if (rollout.state === before.state && rollout.step === before.step) return;
    // A move of its own of which the answer was lost.
    this.#golden.stop();
    this.#journal = openJournal(rollout, this.#plan, this.#options);
    this.#waitsSince = this.#options.now();
  }

  get isOver(): boolean {
    return !isRunning(this.#rollout);
  }

  /** One look. Throws `stale_lease` when another process has taken over, `stale_revision` when the record has changed. */
  async tick(lease: Lease): Promise<void> {
    if (this.isOver) return;
    await this.#gather();
    const thought = this.#think();
    const { order } = thought;
    if (order.kind === 'hold') await this.#persist(lease, thought);
    else await this.#carryOut(order, lease, thought);
  }

  /** Writes down what has been seen since the last time; before the lease is given back. */
  async settle(lease: Lease): Promise<void> {
    if (this.isOver) return;
    await this.#gather();
    this.#persistedAtMs = 0;
    this.#isDirty = true;
    await this.#persist(lease, this.#think());
  }

  stop(): void {
    this.#watch.stop();
    this.#golden.stop();
  }

  /** Before the candidate is there nothing can be compared: what is seen then is thrown away. */
  async #gather(): Promise<void> {
    const { inbox, book, pace } = this.#options;
    const { id, state } = this.#rollout;
    const lot = inbox.take(id);
    const isComparing = state !== 'preparing';
    if (isComparing) this.#journal.add(lot);
    if (isComparing && lot.items.length > 0) this.#isDirty = true;
    const nowMs = performance.now();
    if (nowMs - this.#readAtMs < pace.tickMs) return;
    this.#readAtMs = nowMs;
    const [reports, feedback] = await Promise.all([
      book.readRolloutReports(id, MOST_REPORTS),
      book.readFeedback(id, { after: this.#journal.feedbackRow, most: MOST_FEEDBACK }),
    ]);
    for (const { holder, sequence, report } of reports) {
      const items = isComparing ? itemsOf(report) : [];
      if (this.#journal.addReport({ holder, sequence, items, dropped: Number(report['dropped'] ?? 0) })) this.#isDirty = true;
    }
    for (const line of feedback) this.#journal.addFeedback(line);
    if (feedback.length > 0) this.#isDirty = true;
    // A full page may hide more; writing this one down makes room.
    if (reports.length === MOST_REPORTS) this.#persistedAtMs = 0;
  }

  #think(): Thought {
    const { now } = this.#options;
    const [rollout, plan, journal] = [this.#rollout, this.#plan, this.#journal];
    const { state, step, stepStartedAt, pausedBecause } = rollout;
    const verdicts = judge(journal.evidence, plan);
    const isPaused = pausedBecause !== undefined;
    const { counts } = journal.evidence;
    const decision = chooseTransition({ plan, state, step, isPaused, stepStartedAt, now: now(), counts, verdicts });
    const candidate = this.#watch.look();
    if (isPaused) this.#waitsSince = now();
    if (candidate.state === 'ready') {
      const isMore = verdicts.some((verdict) => verdict.judge === 'golden' && verdict.state === 'not-enough-data');
      this.#golden.keepAsking(journal, { isMore: isMore && state !== 'preparing' });
    }
    const facts = { rollout, plan, decision, verdicts, candidate, waitsSince: this.#waitsSince, now: now() };
    return { verdicts, decision, order: chooseOrder({ ...facts, goldenRounds: journal.golden.rounds }) };
  }

  async #persist(lease: Lease, thought: Thought): Promise<void> {
    const { book, pace } = this.#options;
    const nowMs = performance.now();
    const isNews = this.#isDirty || thought.order.reason !== this.#persistedReason;
    if (!isNews || nowMs - this.#persistedAtMs < pace.persistMs) return;
    const journal = this.#journal;
    const counted = { ...journal.counted };
    this.#isDirty = false;
    this.#persistedAtMs = nowMs;
    this.#persistedReason = thought.order.reason;
    const evidence = journal.toJson();
    await book.noteRolloutEvidence({ id: this.#rollout.id, evidence, verdicts: this.#describe(thought) }, lease);
    await this.#forget(journal, counted);
  }

  async #forget(journal: EvidenceJournal, counted: Readonly<Record<string, number>>): Promise<void> {
    if (Object.keys(counted).length === 0) return;
    await this.#options.book.forgetRolloutReports(this.#rollout.id, counted);
    journal.forgot(counted);
  }

  async #carryOut(order: Exclude<Order, { kind: 'hold' }>, lease: Lease, thought: Thought): Promise<void> {
    const { book, onMoved } = this.#options;
    this.#golden.stop();
    const next = order.kind === 'move' && order.to === 'next' ? nextPlace(this.#rollout, this.#plan) : undefined;
    const journal = next === undefined ? this.#journal : this.#journal.entering(next);
    const verdicts = this.#describe(thought);
    const rollout = { ...this.#rollout, evidence: journal.toJson(), verdicts };
    const change =
      order.kind === 'pause'
        ? choosePause(rollout, { actor: AUTOPILOT, reason: order.reason })
        : await this.#move(rollout, order);
    await book.change({ ...change, lease });
    this.#rollout = change.rollout;
    this.#journal = journal;
    this.#waitsSince = this.#options.now();
    this.#persistedAtMs = performance.now();
    this.#isDirty = false;
    onMoved(change.rollout);
  }

  async #move(rollout: RolloutRecord, order: Extract<Order, { kind: 'move' }>): Promise<RolloutChange> {
    const { lines } = await this.#options.book.readReleases();
    const line = lines.find(({ model }) => model === rollout.model);
    const { to, reason, failed } = order;
    const at = this.#options.now();
    const change = chooseRolloutChange({ rollout, plan: this.#plan, line }, { to, reason, failed, at, actor: AUTOPILOT });
    if (change !== undefined) return change;
    const message = `Rollout ${rollout.id} in ${rollout.state}, step ${rollout.step}, has no way to ${to}.`;
    throw new PlinthError({ code: 'internal_error', message });
  }

  #describe({ verdicts, decision, order }: Thought): JsonObject {
    const { golden, evidence, dropped } = this.#journal;
    return describeJudgement({
      at: this.#options.now(),
      verdicts,
      decision: shownDecision(order, decision),
      golden: { ...golden, of: this.#plan.golden.length },
      counts: evidence.counts,
      ...(evidence.agreement !== undefined && { agreement: evidence.agreement }),
      dropped,
    });
  }
}

/** What the order makes of the judges' decision. */
function shownDecision(order: Order, decision: Decision): Decision {
  const { undecided } = decision;
  if (order.kind !== 'move') return { action: 'hold', reason: order.reason, failed: [], undecided };
  if (order.to !== 'next') return { action: 'roll-back', reason: order.reason, failed: order.failed, undecided };
  return { action: decision.action === 'promote' ? 'promote' : 'advance', reason: order.reason, failed: [], undecided };
}

/** Evidence that cannot be read, of another release, is gathered anew: that costs time and decides nothing wrongly. */
function openJournal(rollout: RolloutRecord, plan: RolloutPlan, { logger }: TenureOptions): EvidenceJournal {
  try {
    return EvidenceJournal.open(rollout, plan);
  } catch (error) {
    logger.warn({ err: error, rollout: rollout.id }, 'the evidence of a rollout begins anew');
    return EvidenceJournal.begin(rollout, plan);
  }
}

/** Written by this program; what does not look so is of another release and passed over. */
function itemsOf({ items }: JsonObject): readonly EvidenceItem[] {
  if (!Array.isArray(items)) return [];
  return (items as readonly EvidenceItem[]).filter(
    (item) =>
      (item.kind === 'observation' && item.observation !== undefined) ||
      (item.kind === 'comparison' && item.answers !== undefined),
  );
}
