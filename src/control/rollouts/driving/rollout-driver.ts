import { PlinthError } from '../../../core/errors/index.ts';
import type { JsonObject } from '../../../core/inference/index.ts';
import type { Lease, RolloutRecord, RolloutReport } from '../../../core/records/index.ts';
import { isRunning } from '../choose-rollout-move.ts';
import { rolloutPlanSchema } from '../rollout-plan.ts';
import { HeldLease } from './held-lease.ts';
import { RolloutTenure, type TenureOptions } from './rollout-tenure.ts';

/** What a driver stands on. `holder` is this process. */
export interface DriverOptions extends Omit<TenureOptions, 'onEvidence'> {
  readonly holder: string;
}

const MOST_ITEMS_OF_REPORT = 1_000;
const LOG_EVERY_MS = 10_000;

/** Follows one running rollout: drives it while this process holds its lease, reports to whoever does otherwise. */
export class RolloutDriver {
  readonly #options: DriverOptions;
  readonly #lease: HeldLease;
  readonly #isReadable: boolean;
  #noted: RolloutRecord;
  #tenure: { readonly driving: RolloutTenure; readonly token: number } | undefined;
  #unsent: RolloutReport | undefined;
  #sequence = 0;
  #isStopped = false;
  #isWoken = false;
  #wakeUp: (() => void) | undefined;
  #loggedAtMs = Number.NEGATIVE_INFINITY;
  readonly #loop: Promise<void>;

  constructor(rollout: RolloutRecord, options: DriverOptions) {
    const { book, holder, pace } = options;
    this.#options = options;
    this.#noted = rollout;
    this.#isReadable = rolloutPlanSchema.safeParse(rollout.plan).success;
    if (!this.#isReadable)
      options.logger.error(
        { rollout: rollout.id },
        'the plan of a rollout is of another release: this process does not drive it',
      );
    this.#lease = new HeldLease(book, { name: `rollout:${rollout.id}`, holder, ttlMs: pace.leaseMs });
    this.#loop = this.#run();
  }

  /** Something may have changed: looks soon instead of at the next tick. */
  wake(): void {
    this.#isWoken = true;
    this.#wakeUp?.();
  }

  /** A process that cannot read the plan, or has none of the model's versions, does not keep the lease from one that can. */
  get #mayDrive(): boolean {
    return this.#isReadable && this.#options.fleet.has?.(this.#noted.model) !== false;
  }

  /** A newer record, as the book has it. */
  note(rollout: RolloutRecord): void {
    if (rollout.revision <= this.#noted.revision) return;
    this.#noted = rollout;
    this.wake();
  }

  /** Hands the rollout over: what has been seen is written down, and the lease given back. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.wake();
    await this.#loop;
  }

  async #run(): Promise<void> {
    while (!this.#isStopped && isRunning(this.#noted)) {
      await this.#attempt(() => this.#tick());
      await this.#wait();
    }
    await this.#attempt(() => this.#leave());
    this.#dropTenure();
  }

  async #tick(): Promise<void> {
    if (!this.#mayDrive) {
      this.#dropTenure();
      await this.#lease.give();
      return this.#report();
    }
    const lease = await this.#lease.hold();
    if (lease === undefined) {
      this.#dropTenure();
      await this.#report();
      return;
    }
    await this.#sendUnsent();
    const tenure = await this.#tenureFor(lease);
    if (tenure === undefined) return;
    tenure.note(this.#noted);
    await tenure.tick(lease);
  }

  /** The same token means that nobody else has written anything since. */
  async #tenureFor(lease: Lease): Promise<RolloutTenure | undefined> {
    if (this.#tenure?.token === lease.token) return this.#tenure.driving;
    this.#dropTenure();
    await this.#refresh();
    if (!isRunning(this.#noted)) return undefined;
    const driving = new RolloutTenure(this.#noted, {
      ...this.#options,
      onEvidence: () => this.wake(),
      onMoved: (rollout) => {
        this.#noted = rollout;
        this.wake();
        this.#options.onMoved(rollout);
      },
    });
    this.#tenure = { driving, token: lease.token };
    return driving;
  }

  async #refresh(): Promise<void> {
    const { rollouts } = await this.#options.book.readReleases();
    const found = rollouts.find(({ id }) => id === this.#noted.id);
    if (found !== undefined) this.#noted = found;
  }

  /** Sends what was gathered here to the process that drives. One report at a time, and again until it is written: it counts once. */
  async #report(): Promise<void> {
    const { inbox, holder } = this.#options;
    const rollout = this.#noted.id;
    await this.#sendUnsent();
    const { items, dropped } = inbox.take(rollout, MOST_ITEMS_OF_REPORT);
    if (items.length === 0 && dropped === 0) return;
    const report = JSON.parse(JSON.stringify({ items, dropped })) as JsonObject;
    this.#unsent = { rollout, holder, sequence: ++this.#sequence, report };
    await this.#sendUnsent();
  }

  async #sendUnsent(): Promise<void> {
    if (this.#unsent === undefined) return;
    await this.#options.book.noteRolloutReport(this.#unsent);
    this.#unsent = undefined;
  }

  async #leave(): Promise<void> {
    const { book } = this.#options;
    if (!isRunning(this.#noted)) await book.forgetRolloutReports(this.#noted.id);
    else if (this.#tenure !== undefined) {
      const lease = await this.#lease.hold();
      if (lease?.token === this.#tenure.token) await this.#tenure.driving.settle(lease);
    } else await this.#report();
    await this.#lease.give();
  }

  #dropTenure(): void {
    this.#tenure?.driving.stop();
    this.#tenure = undefined;
  }

  /** Whatever fails is tried again at the next tick; the book says itself who may write. */
  async #attempt(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      const code = error instanceof PlinthError ? error.code : undefined;
      if (code === 'stale_lease') {
        this.#lease.forget();
        this.#dropTenure();
      } else if (code === 'stale_revision') {
        await this.#attempt(() => this.#refresh());
        this.wake();
      } else this.#log(error);
    }
  }

  #log(error: unknown): void {
    const nowMs = performance.now();
    if (nowMs - this.#loggedAtMs < LOG_EVERY_MS) return;
    this.#loggedAtMs = nowMs;
    this.#options.logger.warn({ err: error, rollout: this.#noted.id }, 'a rollout stands still for now');
  }

  async #wait(): Promise<void> {
    const { tickMs, leastTickMs } = this.#options.pace;
    if (this.#isStopped) return;
    await this.#sleep(leastTickMs, { untilWoken: false });
    if (!this.#isWoken) await this.#sleep(tickMs - leastTickMs, { untilWoken: true });
    this.#isWoken = false;
  }

  #sleep(ms: number, { untilWoken }: { readonly untilWoken: boolean }): Promise<void> {
    return new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      if (!untilWoken) return;
      this.#wakeUp = () => {
        clearTimeout(timer);
        resolve();
      };
    }).then(() => {
      this.#wakeUp = undefined;
    });
  }
}
