import type { KeyVerifier } from '../../core/messages/index.ts';
import type { Admission } from './admit.ts';
import { authenticate } from './authenticate.ts';
import { chooseDeadlineMs } from './choose-deadline.ts';
import { HttpCall } from './http-call.ts';
import { requestIdOf } from './request-id.ts';

/** What an RPC says of itself before its messages are read. */
export interface RpcHead {
  readonly authorization?: string | undefined;
  readonly apiKey?: string | undefined;
  readonly requestId?: string | undefined;
  /** Time until the caller's own deadline, in milliseconds. */
  readonly timeoutMs?: number | undefined;
  /** Its metadata, names in lower case. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** Who is let in, how many at a time and for how long. */
export interface RpcRules {
  readonly keys: KeyVerifier;
  readonly admission: Admission;
  readonly requestTimeoutMs: number;
}

/** An RPC whose caller is known. Its requests take their places one by one. */
export interface KnownCaller {
  readonly requestId: string;
  /**
   * Takes a place among the concurrent requests; the place is given back by `admission.leave()`. `onRouted` is told of every choice of a
   * version. Throws `draining` or `queue_full`.
   */
  enter(onRouted?: HttpCall['onRouted']): HttpCall;
}

/** Finds out who calls, by the same keys as over HTTP. Throws `invalid_api_key`. */
export function openRpc(head: RpcHead, rules: RpcRules): KnownCaller {
  const principal = authenticate({ authorization: head.authorization, 'x-api-key': head.apiKey }, rules.keys);
  const requestId = requestIdOf(head.requestId);
  const callerDeadlineMs = head.timeoutMs === undefined ? Number.POSITIVE_INFINITY : performance.now() + head.timeoutMs;
  const { headers = {} } = head;
  let count = 0;
  return {
    requestId,
    enter(onRouted = () => undefined) {
      const nowMs = performance.now();
      const ownDeadlineMs = chooseDeadlineMs({ header: undefined, requestTimeoutMs: rules.requestTimeoutMs, nowMs });
      rules.admission.enter();
      count += 1;
      return new HttpCall({
        requestId: count === 1 ? requestId : `${requestId}.${count}`,
        principal,
        deadlineMs: Math.min(ownDeadlineMs, callerDeadlineMs),
        startedMs: nowMs,
        headers,
        onRouted,
      });
    },
  };
}
