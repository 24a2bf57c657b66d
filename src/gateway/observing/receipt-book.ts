import type { ReceiptBook } from '../../core/messages/index.ts';
import { describeReceipt } from './describe-receipt.ts';
import type { KeptRequest } from './report-request.ts';

/** The receipts of the last requests, in memory. Keeping one costs a place in a ring; it is put into words when somebody asks for it. */
export class ReceiptBookRing implements ReceiptBook {
  readonly #most: number;
  readonly #ring: KeptRequest[] = [];
  readonly #byId = new Map<string, KeptRequest>();
  #next = 0;

  /** Keeps `most` receipts; 0 keeps none. */
  constructor(most: number) {
    this.#most = most;
  }

  /** Only what went down the path has a receipt. Of two requests with the same id the newer one's is kept. */
  keep(kept: KeptRequest): void {
    const { record, requestId } = kept.finished;
    // It holds on to models of older snapshots.
    delete record.chosen;
    if (this.#most === 0 || record.routes === undefined) return;
    const oldest = this.#ring[this.#next];
    if (oldest !== undefined && this.#byId.get(oldest.finished.requestId) === oldest)
      this.#byId.delete(oldest.finished.requestId);
    this.#ring[this.#next] = kept;
    this.#byId.set(requestId, kept);
    this.#next = (this.#next + 1) % this.#most;
  }

  find(requestId: string): object | undefined {
    const kept = this.#byId.get(requestId);
    return kept === undefined ? undefined : describeReceipt(kept);
  }
}
