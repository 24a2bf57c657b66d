import type { ReceiptBook } from '../../core/messages/index.ts';
import { describeReceipt } from './describe-receipt.ts';
import type { KeptRequest } from './report-request.ts';

/** The receipts of the last requests, in memory. Keeping one costs a place in a ring; it is looked for and put into words when somebody asks. */
export class ReceiptBookRing implements ReceiptBook {
  readonly #most: number;
  readonly #ring: KeptRequest[] = [];
  #next = 0;

  /** Keeps `most` receipts; 0 keeps none. */
  constructor(most: number) {
    this.#most = most;
  }

  /** Only what went down the path has a receipt. */
  keep(kept: KeptRequest): void {
    const { record } = kept.finished;
    // It holds on to models of older snapshots.
    record.chosen = undefined;
    if (this.#most === 0 || record.routes === undefined) return;
    this.#ring[this.#next] = kept;
    this.#next = (this.#next + 1) % this.#most;
  }

  /** Of two requests with the same id the newer one's. */
  find(requestId: string): object | undefined {
    const newestFirst = [...this.#ring.slice(this.#next), ...this.#ring.slice(0, this.#next)].toReversed();
    const kept = newestFirst.find(({ finished }) => finished.requestId === requestId);
    return kept === undefined ? undefined : describeReceipt(kept);
  }
}
