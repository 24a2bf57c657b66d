import type { Lease, LeaseRecords } from '../../../core/records/index.ts';

/** Whose lease it is, and for how long it is asked for. */
export interface LeaseWish {
  readonly name: string;
  readonly holder: string;
  readonly ttlMs: number;
}

/** A lease that is prolonged in time for as long as somebody asks for it, and tried for in turns while another holds it. */
export class HeldLease {
  readonly #book: LeaseRecords;
  readonly #wish: LeaseWish;
  #lease: Lease | undefined;
  #askedAtMs = Number.NEGATIVE_INFINITY;

  constructor(book: LeaseRecords, wish: LeaseWish) {
    this.#book = book;
    this.#wish = wish;
  }

  /** The lease, when this process has it now. Its token has changed when another process had it in between. */
  async hold(): Promise<Lease | undefined> {
    const { name, holder, ttlMs } = this.#wish;
    const nowMs = performance.now();
    if (nowMs - this.#askedAtMs < ttlMs / 4) return this.#lease;
    this.#lease = undefined;
    this.#lease = await this.#book.takeLease(name, holder, ttlMs);
    this.#askedAtMs = nowMs;
    return this.#lease;
  }

  /** The book has refused it: the next look asks anew. */
  forget(): void {
    this.#lease = undefined;
    this.#askedAtMs = Number.NEGATIVE_INFINITY;
  }

  /** Gives it to whoever is next. */
  async give(): Promise<void> {
    const lease = this.#lease;
    this.forget();
    if (lease !== undefined) await this.#book.giveLease(lease);
  }
}
