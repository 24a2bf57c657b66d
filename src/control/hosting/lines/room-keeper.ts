import { setTimeout as sleep } from 'node:timers/promises';
import { PlinthError, type ErrorFacts } from '../../../core/errors/index.ts';
import type { Logger } from '../../../core/telemetry/index.ts';
import type { MemoryClaim } from '../hosted-model.ts';
import { chooseMemoryNeed, chooseRoom, type MemoryFacts, type Neighbour, type RoomChoice } from '../memory/index.ts';
import type { FollowedVersion } from './followed-version.ts';

export interface RoomOptions {
  readonly readFreeBytes: () => Promise<number>;
  /** Of all models. */
  readonly versions: () => readonly FollowedVersion[];
  readonly logger: Logger;
}

/** What others do with memory is not told to anybody: it is looked at again. */
const LOOK_AGAIN_MS = 2_000;

/** Lets versions in as far as memory goes, one decision after the other. */
export class RoomKeeper {
  readonly #options: RoomOptions;
  #turn: Promise<unknown> = Promise.resolve();
  #wake = Promise.withResolvers<void>();

  constructor(options: RoomOptions) {
    this.#options = options;
  }

  /** Something has changed: whoever waits is decided on again. */
  wake(): void {
    this.#wake.resolve();
    this.#wake = Promise.withResolvers();
  }

  /** Resolves when the version may be started; versions that had to make room are gone by then. Rejects when it is no longer to be loaded. */
  async enter(one: FollowedVersion, claim: MemoryClaim): Promise<void> {
    if (this.#siblings(one).length === 0) return this.#enterFirst(one, claim);
    let told = '';
    for (;;) {
      const changed = this.#wake.promise;
      const choice = await this.#inTurn(() => this.#decide(one, claim));
      if (claim.signal.aborted) throw new PlinthError({ code: 'cancelled', message: 'The version is no longer to be loaded.' });
      if (choice.type === 'enter') return;
      if (choice.type === 'swap') {
        claim.hold(undefined);
        return this.#makeRoom(one, choice.leaving);
      }
      if (choice.type === 'short' && choice.message !== told) claim.hold(shortage((told = choice.message)));
      await Promise.race([changed, sleep(LOOK_AGAIN_MS, undefined, { ref: false })]);
    }
  }

  /** Nothing is asked for the first of a model: it is tried in any case. */
  #enterFirst(one: FollowedVersion, claim: MemoryClaim): void {
    const { model, version } = one;
    const needBytes = estimate(claim, Infinity);
    one.claim = { needBytes, fileBytes: claim.fileBytes };
    void this.#options.readFreeBytes().then((freeBytes) => {
      if (freeBytes >= needBytes) return;
      this.#options.logger.warn({ model, version, needBytes, freeBytes }, 'memory may be too short for this version');
    });
  }

  async #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const own = this.#turn.then(work);
    this.#turn = own.catch(() => undefined);
    return own;
  }

  async #decide(one: FollowedVersion, claim: MemoryClaim): Promise<RoomChoice> {
    const measured = await this.#options.readFreeBytes();
    const coming = this.#others(one).filter((other) => !other.isServing && !other.hosted.isIdle);
    const siblings = this.#siblings(one);
    const sibling = siblings.map(measureReplica).find((measure) => measure !== undefined);
    const needBytes = estimate(claim, measured, sibling);
    const choice = chooseRoom({
      model: one.model,
      version: one.version,
      needBytes,
      freeBytes: coming.map(missingBytes).reduce((free, bytes) => free - bytes, measured),
      neighbours: siblings.map(toNeighbour),
      swap: one.hosted.plan?.swap ?? 'never',
    });
    if (choice.type === 'enter' || choice.type === 'swap') one.claim = { needBytes, fileBytes: claim.fileBytes };
    return choice;
  }

  /** Other versions, of any model, that take memory. */
  #others(one: FollowedVersion): readonly FollowedVersion[] {
    return this.#options.versions().filter((other) => other !== one && !other.isGone && other.claim !== undefined);
  }

  #siblings(one: FollowedVersion): readonly FollowedVersion[] {
    return this.#others(one).filter(({ model }) => model === one.model);
  }

  /** Requests for what leaves are held from now on: the snapshot shows that its successor is coming. */
  async #makeRoom(one: FollowedVersion, leaving: readonly string[]): Promise<void> {
    const left = this.#options.versions().filter(({ model, version }) => model === one.model && leaving.includes(version));
    one.swap = { left, startedAt: performance.now() };
    for (const other of left) other.displacedBy = one;
    await Promise.all(left.map((other) => other.hosted.retire()));
  }
}

function estimate(claim: MemoryClaim, freeBytes: number, sibling?: MemoryFacts['sibling']): number {
  const { spec, replicaCount, fileBytes, obtained } = claim;
  const { engine, contextTokens, memoryLimitBytes } = spec;
  const shape = obtained?.summary;
  const facts = { engine, contextTokens, memoryLimitBytes, fileBytes, replicaCount, freeBytes };
  return chooseMemoryNeed({ ...facts, ...(shape && { shape }), ...(sibling && { sibling }) });
}

function missingBytes({ claim, residentBytes }: FollowedVersion): number {
  return Math.max(0, (claim?.needBytes ?? 0) - residentBytes);
}

/** What one replica of a version takes that has answered. */
function measureReplica({ isServing, claim, hosted, residentBytes }: FollowedVersion): MemoryFacts['sibling'] {
  const count = hosted.reports().length;
  if (!isServing || claim === undefined || count === 0 || residentBytes === 0) return undefined;
  return { residentBytes: residentBytes / count, fileBytes: claim.fileBytes };
}

function toNeighbour(one: FollowedVersion): Neighbour {
  return {
    version: one.version,
    bytes: one.residentBytes || (one.claim?.needBytes ?? 0),
    mayLeave: one.isWanted && !one.isSpare ? 'no' : 'yes',
    isLeaving: one.hosted.isIdle,
  };
}

function shortage(message: string): ErrorFacts {
  return { code: 'model_unavailable', message };
}
