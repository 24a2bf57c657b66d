import { randomUUID } from 'node:crypto';

const ACCEPTED = /^[\w.-]{1,128}$/;

/** The caller's own `x-request-id` when it is safe to repeat in headers and logs, else a new one. */
export function requestIdOf(header: string | string[] | undefined): string {
  return typeof header === 'string' && ACCEPTED.test(header) ? header : randomUUID();
}
