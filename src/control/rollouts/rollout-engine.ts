import type { Feedback, Observation, ShadowComparison } from '../../core/messages/index.ts';
import type { AuditRecord, RolloutRecord } from '../../core/records/index.ts';
import { AnswerNotes } from './answer-notes.ts';
import { subjectOf } from './choose-rollout-change.ts';
import { isRunning } from './choose-rollout-move.ts';
import { RolloutCommands, type CommandOrder, type StartWish } from './commanding/index.ts';
import { describeRollout, explainRollout, type RolloutDocument, type RolloutExplanation } from './describe-rollout.ts';
import { EvidenceInbox, RolloutDriver, withoutContent } from './driving/index.ts';
import { readPlan, readPlanOrDefault } from './rollout-plan.ts';
import { DEFAULT_PACE, type RolloutEngineOptions, type RolloutPace } from './rollout-ports.ts';

const POLL_MS = 1_000;
const MOST_HISTORY = 1_000;
const MOST_LISTED = 100;
const MOST_ASSESSED_AT_ONCE = 64;

/**
 * The autopilot of one process. It keeps nothing that the book does not have, so that any process may go on where another was killed;
 * which one drives a rollout is decided by the lease `rollout:<id>`. Open it with {@link openRolloutEngine}.
 */
export class RolloutEngine {
  readonly #options: RolloutEngineOptions;
  readonly #pace: RolloutPace;
  readonly #now: () => number;
  readonly #commands: RolloutCommands;
  readonly #inbox = new EvidenceInbox();
  readonly #answers: AnswerNotes;
  readonly #drivers = new Map<string, { readonly rollout: RolloutRecord; readonly driver: RolloutDriver }>();
  readonly #leaving = new Set<Promise<void>>();
  #revision = -1;
  #assessing = 0;
  #refreshing: Promise<void> | undefined;
  #isStale = false;
  #isClosed = false;
  readonly #stopWatching: () => void;
  readonly #poll: NodeJS.Timeout;

  constructor(options: RolloutEngineOptions) {
    const { book, fleet, logger, now = Date.now } = options;
    this.#options = options;
    this.#now = now;
    this.#pace = { ...DEFAULT_PACE, ...options.pace };
    this.#commands = new RolloutCommands({ book, fleet, textless: options.textless, now });
    this.#answers = new AnswerNotes({ book, logger });
    this.#stopWatching = book.watchReleases(() => void this.#refresh());
    this.#poll = setInterval(() => void this.#refresh(), POLL_MS).unref();
  }

  /** Resolves when the engine knows what runs. */
  async open(): Promise<void> {
    await this.#refresh();
  }

  /** Throws `model_not_found`, `version_not_found`, `invalid_request` and `conflict`. */
  start(wish: StartWish, actor: string): Promise<RolloutDocument> {
    return this.#command(() => this.#commands.start(wish, actor));
  }

  /** Stops it from going on; a candidate that turns out bad is still rolled back. `name` is an id or a model, here and below. */
  pause(name: string, order: CommandOrder): Promise<RolloutDocument> {
    return this.#command(() => this.#commands.pause(name, order));
  }

  resume(name: string, order: CommandOrder): Promise<RolloutDocument> {
    return this.#command(() => this.#commands.resume(name, order));
  }

  /** Ends it in favour of the candidate, whatever the judges say. */
  promote(name: string, order: CommandOrder): Promise<RolloutDocument> {
    return this.#command(() => this.#commands.promote(name, order));
  }

  /** Ends it in favour of the version before. */
  abort(name: string, order: CommandOrder): Promise<RolloutDocument> {
    return this.#command(() => this.#commands.abort(name, order));
  }

  /** Newest first; without a model the running ones and the newest ended one of each model. */
  async list(model?: string): Promise<readonly RolloutDocument[]> {
    const { book } = this.#options;
    const records = model === undefined ? (await book.readReleases()).rollouts : await book.listRollouts(model, MOST_LISTED);
    return records.toSorted((a, b) => b.startedAt - a.startedAt).map((rollout) => this.#describe(rollout, []));
  }

  /** Throws `not_found`. */
  async status(name: string): Promise<RolloutDocument> {
    const rollout = await this.#commands.find(name);
    return this.#describe(rollout, await this.#historyOf(rollout));
  }

  /** Why it is where it is, and what it waits for. Throws `not_found`. */
  async why(name: string): Promise<RolloutExplanation> {
    const rollout = await this.#commands.find(name);
    return explainRollout(rollout, {
      plan: readPlanOrDefault(rollout.plan),
      history: await this.#historyOf(rollout),
      now: this.#now(),
    });
  }

  audit(range: { readonly after: number; readonly most: number }): Promise<readonly AuditRecord[]> {
    return this.#options.book.readAudit(range);
  }

  /** Notes which version answered, for feedback; and judges by it where it belongs to a rollout. Never waits, never throws. */
  observe(observation: Observation): void {
    this.#answers.note(observation);
    if (observation.purpose.kind === 'rollout') this.#offer(observation.purpose.id, { kind: 'observation', observation });
  }

  /** Scores the answers and judges by them; those that a line copies without a rollout are nobody's evidence. Never waits, never throws. */
  compare(comparison: ShadowComparison): void {
    const { kind, id } = comparison.purpose;
    if (kind !== 'rollout') return;
    const rollout = this.#drivers.get(id)?.rollout;
    if (rollout === undefined || this.#assessing >= MOST_ASSESSED_AT_ONCE) {
      this.#options.metrics?.rolloutEvidenceDropped.inc({ model: comparison.model });
      return;
    }
    this.#assessing++;
    void this.#assess(comparison, rollout).finally(() => this.#assessing--);
  }

  /** Resolves when it is durable. Throws `not_found` for an answer that nobody knows. */
  feedback(feedback: Feedback): Promise<void> {
    return this.#answers.addFeedback(feedback);
  }

  /** Hands every rollout over to whoever is next. The book stays open. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#stopWatching();
    clearInterval(this.#poll);
    await this.#refreshing;
    for (const [id, { driver }] of this.#drivers) this.#leave(id, driver);
    await Promise.all(this.#leaving);
    await this.#answers.close();
  }

  async #command(command: () => Promise<RolloutRecord>): Promise<RolloutDocument> {
    const rollout = await command();
    this.#report(rollout);
    await this.#refresh();
    return this.#describe(rollout, await this.#historyOf(rollout));
  }

  #describe(rollout: RolloutRecord, history: readonly AuditRecord[]): RolloutDocument {
    return describeRollout(rollout, { plan: readPlanOrDefault(rollout.plan), history, now: this.#now() });
  }

  #historyOf(rollout: RolloutRecord): Promise<readonly AuditRecord[]> {
    return this.#options.book.readAudit({ after: 0, most: MOST_HISTORY, subject: subjectOf(rollout) });
  }

  #offer(id: string, item: Parameters<EvidenceInbox['offer']>[1]): void {
    if (this.#inbox.offer(id, item)) this.#drivers.get(id)?.driver.wake();
  }

  async #assess(comparison: ShadowComparison, rollout: RolloutRecord): Promise<void> {
    const { assessor, logger } = this.#options;
    try {
      const scores = await assessor.assess(comparison, readPlan(rollout.plan));
      const answers = withoutContent(comparison);
      this.#offer(rollout.id, { kind: 'comparison', answers, ...(scores !== undefined && { scores }) });
    } catch (error) {
      logger.warn({ err: error, rollout: rollout.id }, 'answers could not be compared');
    }
  }

  /** One look at a time; what comes meanwhile asks for one more. */
  #refresh(): Promise<void> {
    this.#isStale = true;
    this.#refreshing ??= this.#followBook().finally(() => (this.#refreshing = undefined));
    return this.#refreshing;
  }

  async #followBook(): Promise<void> {
    const { book, logger } = this.#options;
    while (this.#isStale && !this.#isClosed) {
      this.#isStale = false;
      try {
        if ((await book.releasesRevision()) === this.#revision) continue;
        const { revision, rollouts } = await book.readReleases();
        this.#follow(rollouts);
        this.#revision = revision;
      } catch (error) {
        logger.warn({ err: error }, 'the book of rollouts cannot be read now');
      }
    }
  }

  #follow(rollouts: readonly RolloutRecord[]): void {
    const known = new Map(rollouts.map((rollout) => [rollout.id, rollout]));
    for (const [id, { driver }] of this.#drivers) {
      const rollout = known.get(id);
      if (rollout !== undefined) driver.note(rollout);
      if (rollout === undefined || !isRunning(rollout)) this.#leave(id, driver);
    }
    for (const rollout of rollouts.filter(isRunning)) if (!this.#drivers.has(rollout.id)) this.#drive(rollout);
  }

  #drive(rollout: RolloutRecord): void {
    const { book, fleet, assessor, logger, holder } = this.#options;
    this.#inbox.open(rollout.id);
    const onMoved = (moved: RolloutRecord) => this.#report(moved);
    const common = { book, fleet, assessor, logger, holder, inbox: this.#inbox, pace: this.#pace, now: this.#now };
    this.#drivers.set(rollout.id, { rollout, driver: new RolloutDriver(rollout, { ...common, onMoved }) });
  }

  #leave(id: string, driver: RolloutDriver): void {
    this.#drivers.delete(id);
    const leaving = driver.stop().finally(() => {
      this.#inbox.close(id);
      this.#leaving.delete(leaving);
    });
    this.#leaving.add(leaving);
  }

  #report({ id, model, state, step, share, reason, pausedBecause, revision }: RolloutRecord): void {
    const { logger, metrics } = this.#options;
    logger.info({ rollout: id, model, state, step, share, reason, paused: pausedBecause, revision }, 'rollout moved');
    metrics?.rolloutMoves.inc({ model, state });
    metrics?.rolloutShare.set({ model }, share);
  }
}

/** The autopilot of this process, which goes on with whatever runs in the book. */
export async function openRolloutEngine(options: RolloutEngineOptions): Promise<RolloutEngine> {
  const engine = new RolloutEngine(options);
  await engine.open();
  return engine;
}
