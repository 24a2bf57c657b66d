import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { PlinthError } from '../../core/errors/index.ts';
import type { Observation } from '../../core/messages/index.ts';
import type { AssignmentRecord, ExperimentRecord } from '../../core/records/index.ts';
import { addToBook, findExperiment, isDue, type Addition, type RunningExperiment, type StopOrder } from './add-to-book.ts';
import { readEvidence, readResult } from './analysing/index.ts';
import { chooseStart } from './choose-start.ts';
import { describeExperiment, summarize, type ExperimentDocument, type ExperimentSummary } from './describe-experiment.ts';
import { experimentPlanSchema, readExperimentPlan, type ExperimentPlan } from './experiment-plan.ts';
import type { ExperimentEngineOptions } from './experiment-ports.ts';
import { PendingPart } from './pending-part.ts';

const TICK_MS = 2_000;
const MOST_STRAYS = 2_000;
const MOST_LISTED = 1_000;
const MOST_ATTEMPTS = 8;
const STOP_ATTEMPTS = 40;
const RETRY_MS = 50;

/**
 * The experiments of a book. Every process gathers what its own gateway has seen and adds it to the book; the sum is the evidence, so that
 * any process can tell the result, and the one that adds what decides it ends the experiment. What was not added yet when a process is
 * killed (`tickMs` at most) is lost.
 */
export class ExperimentEngine {
  readonly #options: ExperimentEngineOptions;
  readonly #running = new Map<string, RunningExperiment>();
  /** Observations of experiments that this process has not heard of yet. */
  #strays: Observation[] = [];
  /** Commands and additions take turns. */
  #queue: Promise<unknown> = Promise.resolve();
  readonly #timer: NodeJS.Timeout;
  readonly #unwatch: () => void;
  #isTicking = false;

  constructor(options: ExperimentEngineOptions) {
    this.#options = options;
    this.#unwatch = options.book.watchReleases(() => void this.refresh());
    this.#timer = setInterval(() => void this.tick(), options.tickMs ?? TICK_MS);
    this.#timer.unref();
  }

  /** Follows what the book says is running. Never throws. */
  async refresh(): Promise<void> {
    try {
      this.#followAll((await this.#options.book.readReleases()).experiments);
    } catch (error) {
      this.#warn(error);
    }
  }

  /** Throws `invalid_request` for a plan that is none, `model_not_found`, `version_not_found`, and `conflict` while the model is being compared. */
  async start({ model, plan }: { readonly model: string; readonly plan: unknown }, actor: string): Promise<ExperimentDocument> {
    const read = readExperimentPlan(plan);
    return this.#inTurn(async () => {
      const record = await this.#begin({ model, plan: read }, actor);
      this.#follow(record, read);
      this.#options.logger.info({ experiment: record.id, model }, 'experiment started');
      return this.#describe(record, read);
    });
  }

  /** Ends it; all requests go to the control. Nothing happens to one that has ended. Throws `not_found`. */
  async stop(id: string, { actor, reason }: StopOrder): Promise<ExperimentDocument> {
    const { record, plan } = await this.#find(id);
    if (record.state === 'running') await this.#end(this.#follow(record, plan), { actor, reason });
    return this.status(id);
  }

  /** One answer. Does no work that waits, and never throws. */
  observe(observation: Observation): void {
    const { kind, id } = observation.purpose;
    if (kind !== 'experiment') return;
    const running = this.#running.get(id);
    if (running !== undefined) running.pending.observe(observation);
    else if (this.#strays.length < MOST_STRAYS) this.#strays.push(observation);
  }

  /** With what this process has seen a moment ago. Throws `not_found`. */
  async status(id: string): Promise<ExperimentDocument> {
    const { record, plan } = await this.#find(id);
    return this.#describe(record, plan);
  }

  /** Newest first; without a model the running ones and the last one of each model. */
  async list(model?: string): Promise<readonly ExperimentSummary[]> {
    const { book } = this.#options;
    const records =
      model === undefined ? (await book.readReleases()).experiments.toReversed() : await book.listExperiments(model, MOST_LISTED);
    return records.map(summarize);
  }

  /** Who was given which arm, from `after` (a row number, exclusive). Throws `not_found`. */
  async assignments(
    id: string,
    range: { readonly after: number; readonly most: number },
  ): Promise<ReadonlyArray<AssignmentRecord & { readonly row: number }>> {
    await this.#find(id);
    return this.#options.book.listAssignments(id, range);
  }

  /** Adds what was seen to the book now. Never throws. */
  async tick(): Promise<void> {
    if (this.#isTicking) return;
    this.#isTicking = true;
    try {
      if (this.#strays.length > 0) await this.refresh();
      for (const running of this.#running.values()) await this.#addIfDue(running);
    } catch (error) {
      this.#warn(error);
    } finally {
      this.#isTicking = false;
    }
  }

  /** Adds what is left, as far as the book is there. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    this.#unwatch();
    await this.tick();
    await this.#queue;
  }

  async #begin(
    { model, plan }: { readonly model: string; readonly plan: ExperimentPlan },
    actor: string,
  ): Promise<ExperimentRecord> {
    const { book } = this.#options;
    const id = `x_${randomBytes(8).toString('hex')}`;
    for (let attempt = 1; ; attempt += 1) {
      const change = chooseStart({ model, plan, contents: await book.readReleases(), id, actor, at: this.#now() });
      try {
        await book.change(change);
        return change.experiment;
      } catch (error) {
        if (!isStale(error) || attempt >= MOST_ATTEMPTS) throw error;
        await sleep(RETRY_MS);
      }
    }
  }

  async #end(running: RunningExperiment, order: StopOrder): Promise<void> {
    for (let attempt = 1; attempt <= STOP_ATTEMPTS; attempt += 1) {
      if ((await this.#inTurn(() => this.#add(running, order))) === 'ended') return;
      await sleep(RETRY_MS);
    }
    throw new PlinthError({
      code: 'conflict',
      message: `The experiment ${running.id} is being written by another process all the time; try again.`,
    });
  }

  async #addIfDue(running: RunningExperiment): Promise<void> {
    try {
      const isNeeded = await isDue(running, { book: this.#options.book, now: this.#now() });
      if (isNeeded) await this.#inTurn(() => this.#add(running));
    } catch (error) {
      this.#warn(error, running.id);
    }
  }

  async #add(running: RunningExperiment, stop?: StopOrder): Promise<Addition> {
    const { book, holder, logger } = this.#options;
    const addition = await addToBook(running, { book, holder, now: this.#now() }, stop);
    if (addition === 'ended' && this.#running.delete(running.id)) logger.info({ experiment: running.id }, 'experiment ended');
    return addition;
  }

  #followAll(experiments: readonly ExperimentRecord[]): void {
    const running = experiments.filter(({ state }) => state === 'running');
    for (const record of running) {
      const plan = experimentPlanSchema.safeParse(record.plan);
      if (plan.success) this.#follow(record, plan.data);
    }
    for (const id of this.#running.keys()) if (!running.some((record) => record.id === id)) this.#running.delete(id);
    const strays = this.#strays;
    this.#strays = [];
    for (const stray of strays) this.#running.get(stray.purpose.id)?.pending.observe(stray);
  }

  #follow({ id, model, startedAt }: ExperimentRecord, plan: ExperimentPlan): RunningExperiment {
    const known = this.#running.get(id);
    if (known !== undefined) return known;
    const running: RunningExperiment = { id, model, plan, startedAt, pending: new PendingPart(id, plan), feedbackRow: 0 };
    this.#running.set(id, running);
    return running;
  }

  async #find(id: string): Promise<{ readonly record: ExperimentRecord; readonly plan: ExperimentPlan }> {
    const { book } = this.#options;
    const contents = await book.readReleases();
    const known = contents.experiments.find((record) => record.id === id)?.model;
    const models =
      known === undefined ? [...new Set([...contents.lines, ...contents.versions].map(({ model }) => model))] : [known];
    for (const model of models) {
      const record =
        (await findExperiment(book, model, id)) ?? (await book.listExperiments(model, MOST_LISTED)).find((one) => one.id === id);
      if (record !== undefined) return { record, plan: readExperimentPlan(record.plan) };
    }
    throw new PlinthError({ code: 'not_found', message: `There is no experiment '${id}'.` });
  }

  async #describe(record: ExperimentRecord, plan: ExperimentPlan): Promise<ExperimentDocument> {
    const written = readEvidence(record.evidence, plan);
    const evidence = this.#running.get(record.id)?.pending.addTo(written) ?? written;
    const assigned = await this.#options.book.countAssignments(record.id);
    return describeExperiment(record, readResult({ plan, evidence, assigned }));
  }

  #inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    const turn = this.#queue.then(work);
    this.#queue = turn.catch(() => undefined);
    return turn;
  }

  #now(): number {
    return (this.#options.now ?? Date.now)();
  }

  #warn(error: unknown, experiment?: string): void {
    this.#options.logger.warn({ err: error, experiment }, 'evidence of an experiment could not be added to the book yet');
  }
}

/** Opens the experiments of a book; those that run are followed when it resolves. */
export async function openExperimentEngine(options: ExperimentEngineOptions): Promise<ExperimentEngine> {
  const engine = new ExperimentEngine(options);
  await engine.refresh();
  return engine;
}

function isStale(error: unknown): boolean {
  return error instanceof PlinthError && error.code === 'stale_revision';
}
