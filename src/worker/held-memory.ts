/** Counts what items keep, and lets nothing new begin while that is too much. */
export class HeldMemory {
  readonly #most: number;
  readonly #held = new Map<object, number>();
  #bytes = 0;
  #waiters: Array<() => void> = [];

  constructor(most: number) {
    this.#most = most;
  }

  /** Resolves once less than the most is held. */
  async room(): Promise<void> {
    while (this.#bytes >= this.#most) await new Promise<void>((resolve) => this.#waiters.push(resolve));
  }

  hold(item: object, bytes: number): void {
    this.#held.set(item, bytes);
    this.#bytes += bytes;
  }

  release(item: object): void {
    this.#bytes -= this.#held.get(item) ?? 0;
    if (!this.#held.delete(item)) return;
    for (const wake of this.#waiters.splice(0)) wake();
  }
}
