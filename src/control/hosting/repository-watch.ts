import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from '../../core/telemetry/index.ts';
import type { ModelFleet } from './model-fleet.ts';
import type { ModelOffer, ModelOffers } from './model-offers.ts';
import { takeFingerprint, type Fingerprint } from '../repository/index.ts';

export interface WatchOptions {
  readonly offers: ModelOffers;
  readonly fleet: ModelFleet;
  readonly pollMs: number;
  readonly logger: Logger;
}

/** Files that are being copied change between two looks that are so far apart. */
const SETTLE_MS = 300;

interface Seen {
  readonly offer: ModelOffer;
  readonly fingerprint: Fingerprint;
}

/** Looks at the folders of models again and again and has loaded what has come, reloaded what has changed, unloaded what is gone. */
export class RepositoryWatch {
  readonly #options: WatchOptions;
  readonly #abort = new AbortController();
  #known = new Map<string, Fingerprint>();

  constructor(options: WatchOptions) {
    this.#options = options;
  }

  /** Remembers what is there now, which somebody else loads, and begins to look. */
  async start(): Promise<void> {
    this.#known = new Map([...(await this.#look())].map(([name, seen]) => [name, seen.fingerprint]));
    void this.#poll();
  }

  stop(): void {
    this.#abort.abort();
  }

  async #poll(): Promise<void> {
    const { signal } = this.#abort;
    while (!signal.aborted) {
      try {
        await sleep(this.#options.pollMs, undefined, { signal });
        await this.#follow();
      } catch (error) {
        if (!signal.aborted) this.#options.logger.error({ err: error }, 'the folders of models could not be looked at');
      }
    }
  }

  async #follow(): Promise<void> {
    const first = await this.#look();
    if (!this.#hasNews(first)) return;
    await sleep(Math.min(SETTLE_MS, this.#options.pollMs), undefined, { signal: this.#abort.signal });
    const second = await this.#look();
    const settled = [...second].filter(([name, { fingerprint }]) => isSame(first.get(name)?.fingerprint, fingerprint));
    const { fleet } = this.#options;
    const gone = [...this.#known.keys()].filter((name) => !first.has(name) && !second.has(name));
    for (const name of gone) this.#known.delete(name);
    const changed = settled.filter(([name, { fingerprint }]) => !isSame(this.#known.get(name), fingerprint));
    await Promise.all([...gone.map((name) => fleet.forget(name)), ...changed.map(([name, seen]) => this.#refresh(name, seen))]);
  }

  async #refresh(name: string, { offer, fingerprint }: Seen): Promise<void> {
    const before = this.#known.get(name);
    this.#known.set(name, fingerprint);
    this.#options.fleet.add(offer);
    const isShared = before?.common !== fingerprint.common;
    await this.#options.fleet.refresh(
      name,
      (version) => isShared || before?.versions.get(version) !== fingerprint.versions.get(version),
    );
  }

  #hasNews(seen: ReadonlyMap<string, Seen>): boolean {
    if (seen.size !== this.#known.size) return true;
    return [...seen].some(([name, { fingerprint }]) => !isSame(this.#known.get(name), fingerprint));
  }

  async #look(): Promise<ReadonlyMap<string, Seen>> {
    const seen = new Map<string, Seen>();
    for (const offer of await this.#options.offers.readFolders())
      if (offer.found !== undefined) seen.set(offer.name, { offer, fingerprint: await takeFingerprint(offer.found) });
    return seen;
  }
}

function isSame(a: Fingerprint | undefined, b: Fingerprint | undefined): boolean {
  if (a === undefined || b === undefined || a.common !== b.common || a.versions.size !== b.versions.size) return false;
  return [...a.versions].every(([version, digest]) => b.versions.get(version) === digest);
}
