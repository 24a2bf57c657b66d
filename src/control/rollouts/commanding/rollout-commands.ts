import { randomBytes } from 'node:crypto';
import { PlinthError } from '../../../core/errors/index.ts';
import type { RolloutRecord } from '../../../core/records/index.ts';
import { choosePause, chooseResume, chooseRolloutChange, type RolloutChange } from '../choose-rollout-change.ts';
import { isRunning, type RolloutEnd } from '../choose-rollout-move.ts';
import { chooseRolloutStart, type StartWish } from './choose-rollout-start.ts';
import { readPlan, readPlanOrDefault } from '../rollout-plan.ts';
import type { RolloutBook, RolloutFleet } from '../rollout-ports.ts';

const MOST_TRIES = 10;

/** Who commands, and why; `reason` in the words of whoever it is. */
export interface CommandOrder {
  /** Id of a key, or `local`. */
  readonly actor: string;
  readonly reason?: string | undefined;
}

/** What commands stand on; `now` in Unix milliseconds. */
export interface CommandGround {
  readonly book: RolloutBook;
  readonly fleet: RolloutFleet;
  readonly textless?: ((model: string) => readonly string[]) | undefined;
  readonly now: () => number;
}

/**
 * What people do to rollouts. Every command is one change on top of the newest record, made anew when something else changed in between; it
 * holds whichever process drives the rollout.
 */
export class RolloutCommands {
  readonly #ground: CommandGround;

  constructor(ground: CommandGround) {
    this.#ground = ground;
  }

  start(wish: StartWish, actor: string): Promise<RolloutRecord> {
    const { book, fleet, textless, now } = this.#ground;
    const id = `r_${randomBytes(6).toString('hex')}`;
    return this.#write(async () => {
      const contents = await book.readReleases();
      const versions = contents.versions.filter(({ model }) => model === wish.model).map(({ version }) => version);
      const serving = versions.filter((version) => fleet.isServing(wish.model, version));
      return chooseRolloutStart(wish, { contents, serving, textless: textless?.(wish.model) ?? [], id, actor, at: now() });
    });
  }

  pause(name: string, { actor, reason = `paused by ${actor}` }: CommandOrder): Promise<RolloutRecord> {
    return this.#write(async () => {
      const rollout = await this.findRunning(name, 'pause');
      if (rollout.pausedBecause !== undefined) throw refuse(`Rollout ${rollout.id} is paused already: ${rollout.pausedBecause}.`);
      return choosePause(rollout, { actor, reason });
    });
  }

  resume(name: string, { actor }: CommandOrder): Promise<RolloutRecord> {
    return this.#write(async () => {
      const rollout = await this.findRunning(name, 'resume');
      if (rollout.pausedBecause === undefined) throw refuse(`Rollout ${rollout.id} is not paused.`);
      return chooseResume(rollout, actor);
    });
  }

  /** By hand, whatever the judges say. Throws `conflict` for a candidate that does not answer. */
  promote(name: string, { actor, reason = `promoted by ${actor}` }: CommandOrder): Promise<RolloutRecord> {
    return this.#write(async () => {
      const rollout = await this.findRunning(name, 'promote');
      const { model, candidate } = rollout;
      if (!this.#ground.fleet.isServing(model, candidate))
        throw refuse(`Version ${candidate} of '${model}' does not answer now; promoted, it would fail every request.`);
      return this.#end(rollout, { actor, reason, to: 'promoted' });
    });
  }

  abort(name: string, { actor, reason = `aborted by ${actor}` }: CommandOrder): Promise<RolloutRecord> {
    return this.#write(async () => this.#end(await this.findRunning(name, 'abort'), { actor, reason, to: 'aborted' }));
  }

  /** A rollout by its id, or the running or newest one of a model. Throws `not_found`. */
  async find(name: string): Promise<RolloutRecord> {
    const { rollouts } = await this.#ground.book.readReleases();
    const found =
      rollouts.find(({ id }) => id === name) ??
      rollouts.find((rollout) => rollout.model === name && isRunning(rollout)) ??
      rollouts.find(({ model }) => model === name) ??
      (await this.#findOlder(name, new Set(rollouts.map(({ model }) => model))));
    if (found === undefined)
      throw new PlinthError({ code: 'not_found', message: `There is no rollout '${name}', and no model of this name with one.` });
    return found;
  }

  async findRunning(name: string, verb: string): Promise<RolloutRecord> {
    const rollout = await this.find(name);
    if (isRunning(rollout)) return rollout;
    throw refuse(`Rollout ${rollout.id} of '${rollout.model}' has ended (${rollout.state}); there is nothing to ${verb}.`);
  }

  /** Ended ones that newer ones of their model have replaced in the contents. */
  async #findOlder(id: string, models: ReadonlySet<string>): Promise<RolloutRecord | undefined> {
    if (!id.startsWith('r_')) return undefined;
    for (const model of models) {
      const found = (await this.#ground.book.listRollouts(model, 1_000)).find((rollout) => rollout.id === id);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  async #end(rollout: RolloutRecord, order: { actor: string; reason: string; to: RolloutEnd }): Promise<RolloutChange> {
    const { book, now } = this.#ground;
    const { lines } = await book.readReleases();
    const line = lines.find(({ model }) => model === rollout.model);
    const plan = order.to === 'promoted' ? readPlan(rollout.plan) : readPlanOrDefault(rollout.plan);
    const change = chooseRolloutChange({ rollout, line, plan }, { ...order, at: now() });
    if (change === undefined) throw refuse(`Rollout ${rollout.id} (${rollout.state}) cannot become ${order.to}.`);
    return change;
  }

  async #write(make: () => Promise<RolloutChange>): Promise<RolloutRecord> {
    for (let tries = 1; ; tries++) {
      const change = await make();
      try {
        await this.#ground.book.change(change);
        return change.rollout;
      } catch (error) {
        if (!(error instanceof PlinthError) || error.code !== 'stale_revision' || tries >= MOST_TRIES) throw error;
      }
    }
  }
}

function refuse(message: string): PlinthError {
  return new PlinthError({ code: 'conflict', message });
}
