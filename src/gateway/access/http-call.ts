import type { Principal } from '../../core/messages/index.ts';
import type { RouteChoice } from '../../core/traffic/index.ts';
import { beginRecord, type RequestRecord, type StageCall } from '../stage.ts';

export interface HttpCallFacts {
  readonly requestId: string;
  readonly principal: Principal;
  readonly deadlineMs: number;
  readonly startedMs: number;
  readonly headers: NonNullable<StageCall['headers']>;
  /** Told of every choice of a version. */
  readonly onRouted?: (choice: RouteChoice) => void;
}

/** The call that belongs to one HTTP request or RPC, and what the stages write down about it. */
export class HttpCall {
  readonly requestId: string;
  readonly principal: Principal;
  readonly deadlineMs: number;
  readonly record: RequestRecord;
  readonly headers: NonNullable<StageCall['headers']>;
  readonly onRouted: (choice: RouteChoice) => void;
  /** An own property and no getter, because stages copy calls by spreading them. */
  readonly signal: AbortSignal;
  readonly #abort = new AbortController();

  constructor(facts: HttpCallFacts) {
    this.requestId = facts.requestId;
    this.principal = facts.principal;
    this.deadlineMs = facts.deadlineMs;
    this.headers = facts.headers;
    this.onRouted = facts.onRouted ?? (() => undefined);
    this.signal = this.#abort.signal;
    this.record = beginRecord(facts.startedMs);
  }

  abort(): void {
    this.#abort.abort();
  }
}

const VERSION_HEADER = 'x-plinth-version';
export const ARM_HEADER = 'x-plinth-arm';

/** What an answer says of the version that gives it: `x-plinth-version: chat:4`, and `x-plinth-arm` where several share the requests. */
export function versionHeaders({ model, version, arm }: Pick<RouteChoice, 'model' | 'version' | 'arm'>): Record<string, string> {
  const headers: Record<string, string> = { [VERSION_HEADER]: `${spell(model)}:${version}` };
  if (arm !== undefined) headers[ARM_HEADER] = spell(arm);
  return headers;
}

/** Headers are ASCII; what is not is percent-encoded. */
function spell(name: string): string {
  return /^[\x21-\x7e]*$/.test(name) ? name : encodeURIComponent(name.toWellFormed());
}
