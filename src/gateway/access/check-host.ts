import { isIP } from 'node:net';

export interface HostRule {
  /** Lower-case names and addresses, without ports. */
  readonly allowedHosts: ReadonlySet<string>;
  /** The address that the connection came in on. */
  readonly localAddress: string | undefined;
}

/**
 * Whether a Host header names this machine. A page that rebinds its own name to this address cannot pass: a browser sends the name.
 */
export function isOwnHost(host: string | undefined, rule: HostRule): boolean {
  const name = hostName(host ?? '');
  if (name === undefined) return false;
  if (isLoopbackName(name) || rule.allowedHosts.has(name)) return true;
  return rule.localAddress !== undefined && name === plainAddress(rule.localAddress);
}

/**
 * Whether a second Host header came. node:http keeps the first and hides the others, while a proxy in front may have gone by the last;
 * RFC 9112 section 3.2 has such a request refused.
 */
export function hasSecondHost(rawHeaders: readonly string[]): boolean {
  let count = 0;
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at];
    if (name?.length === 4 && name.toLowerCase() === 'host') count += 1;
  }
  return count > 1;
}

/** `localhost`, 127.0.0.0/8 and ::1. */
export function isLoopbackName(name: string): boolean {
  if (name === 'localhost' || name === '::1') return true;
  return isIP(name) === 4 && name.startsWith('127.');
}

/** Lower-case, without brackets and port; undefined when it is no host at all. */
function hostName(host: string): string | undefined {
  const parts = /^(?:\[([0-9a-f:.]+)\]|([^:[\]/@\s]+))(?::\d{1,5})?$/.exec(host.toLowerCase());
  return parts?.[1] ?? parts?.[2];
}

/** An IPv4 address on an IPv6 socket appears as `::ffff:127.0.0.1`. */
function plainAddress(address: string): string {
  return address.startsWith('::ffff:') ? address.slice('::ffff:'.length) : address;
}
