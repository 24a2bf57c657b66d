import { PlinthError } from '../../core/errors/index.ts';

const RETRY_AFTER_MS = 1000;

/** The requests in work, over all models: at most so many, none while draining. */
export class Admission {
  readonly #most: number;
  #inWork = 0;
  #isDraining = false;
  #onIdle: Array<() => void> = [];

  constructor(concurrentRequests: number) {
    this.#most = concurrentRequests;
  }

  get inWork(): number {
    return this.#inWork;
  }

  get isDraining(): boolean {
    return this.#isDraining;
  }

  /** Takes a place; throws `draining` or `queue_full`. */
  enter(): void {
    if (this.#isDraining) {
      throw new PlinthError({ code: 'draining', message: 'The server is shutting down.', retryAfterMs: RETRY_AFTER_MS });
    }
    if (this.#inWork >= this.#most) {
      const message = `The server is at its limit of ${this.#most} concurrent requests.`;
      throw new PlinthError({ code: 'queue_full', message, retryAfterMs: RETRY_AFTER_MS });
    }
    this.#inWork += 1;
  }

  leave(): void {
    this.#inWork -= 1;
    if (this.#inWork > 0) return;
    for (const resolve of this.#onIdle) resolve();
    this.#onIdle = [];
  }

  drain(): void {
    this.#isDraining = true;
  }

  /** True when nothing is in work any more, false when that took longer than `limitMs`. */
  async idle(limitMs: number): Promise<boolean> {
    if (this.#inWork === 0) return true;
    const { promise, resolve } = Promise.withResolvers<boolean>();
    this.#onIdle.push(() => resolve(true));
    const timer = setTimeout(() => resolve(false), limitMs);
    const isIdle = await promise;
    clearTimeout(timer);
    return isIdle;
  }
}
