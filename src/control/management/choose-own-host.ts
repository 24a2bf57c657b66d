import { isIP } from 'node:net';

export interface HostQuestion {
  /** The Host header as it came. */
  readonly host: string | undefined;
  /** The address on which the connection arrived. */
  readonly localAddress: string | undefined;
  /** Names that are answered besides loopback and the own address. */
  readonly allowedHosts: readonly string[];
}

/** Whether a Host header names this machine. A foreign one means that a browser was led here by a name somebody else controls (DNS rebinding). */
export function isOwnHost({ host, localAddress, allowedHosts }: HostQuestion): boolean {
  const name = hostName(host ?? '');
  if (name === undefined) return false;
  return (
    isLoopback(name) ||
    name === plainAddress(localAddress ?? '') ||
    allowedHosts.some((allowed) => allowed.toLowerCase() === name)
  );
}

/** `localhost`, names under it, and loopback addresses; with or without the brackets of an IPv6 address. */
export function isLoopback(host: string): boolean {
  const name = plainAddress(host.toLowerCase());
  if (isIP(name) === 4) return name.startsWith('127.');
  return name === '::1' || name === 'localhost' || name.endsWith('.localhost');
}

function hostName(host: string): string | undefined {
  const found = /^(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(:\d{1,5})?$/i.exec(host)?.[1];
  return found === undefined ? undefined : plainAddress(found.toLowerCase());
}

function plainAddress(address: string): string {
  return address.replace(/^\[|\]$/g, '').replace(/^::ffff:(?=\d+\.)/, '');
}
