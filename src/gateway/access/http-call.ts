import type { Principal } from '../../core/messages/index.ts';
import type { RequestRecord } from '../stage.ts';

export interface HttpCallFacts {
  readonly requestId: string;
  readonly principal: Principal;
  readonly deadlineMs: number;
  readonly startedMs: number;
}

/** The call that belongs to one HTTP request, and what the stages write down about it. */
export class HttpCall {
  readonly requestId: string;
  readonly principal: Principal;
  readonly deadlineMs: number;
  readonly record: RequestRecord;
  /** An own property and no getter, because stages copy calls by spreading them. */
  readonly signal: AbortSignal;
  readonly #abort = new AbortController();

  constructor(facts: HttpCallFacts) {
    this.requestId = facts.requestId;
    this.principal = facts.principal;
    this.deadlineMs = facts.deadlineMs;
    this.signal = this.#abort.signal;
    this.record = { startedMs: facts.startedMs, deltas: 0 };
  }

  abort(): void {
    this.#abort.abort();
  }
}
