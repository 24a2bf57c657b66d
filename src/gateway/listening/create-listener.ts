import { createServer as createHttp, type RequestListener, type Server, type ServerOptions } from 'node:http';
import { createServer as createHttps, type Server as SecureServer } from 'node:https';
import type { Server as SocketServer } from 'node:net';
import type { Duplex } from 'node:stream';
import type { TlsMaterial } from './tls-files.ts';

/** The limits of a listening socket and what happens on it. */
export interface ListenerOptions {
  readonly headerBytes: number;
  readonly headerCount: number;
  readonly connections: number;
  readonly tls: TlsMaterial | undefined;
  readonly onRequest: RequestListener;
  readonly onClientError: (error: Error, socket: Duplex) => void;
  /** A connection beyond the limit was closed. */
  readonly onDropped: () => void;
}

/** With `setSecureContext` when it speaks TLS. */
export type Listener = Server | SecureServer;

/** Headers must be complete within this; also the longest that a connection may say nothing at first. */
const HEADERS_TIMEOUT_MS = 8000;
const REQUEST_TIMEOUT_MS = 120_000;
/** Longer than the idle time of common load balancers, so that they close first. */
const KEEP_ALIVE_MS = 75_000;
const CHECK_EVERY_MS = 1000;
const HANDSHAKE_TIMEOUT_MS = 8000;

/** The listening socket with every limit of node:http set. */
export function createListener(options: ListenerOptions): Listener {
  const limits: ServerOptions = {
    maxHeaderSize: options.headerBytes,
    headersTimeout: HEADERS_TIMEOUT_MS,
    requestTimeout: REQUEST_TIMEOUT_MS,
    keepAliveTimeout: KEEP_ALIVE_MS,
    connectionsCheckingInterval: CHECK_EVERY_MS,
    insecureHTTPParser: false,
    // The check of access refuses a missing name; node:http would do it without a body.
    requireHostHeader: false,
    noDelay: true,
  };
  const listener: Listener =
    options.tls === undefined
      ? createHttp(limits, options.onRequest)
      : createHttps(
          { ...limits, ...options.tls, minVersion: 'TLSv1.2', handshakeTimeout: HANDSHAKE_TIMEOUT_MS },
          options.onRequest,
        );
  // node:http drops headers beyond this silently; one more is kept so that the check of access can see that there were too many.
  listener.maxHeadersCount = options.headerCount + 1;
  listener.maxConnections = options.connections;
  // An expectation that nobody knows may be ignored (RFC 9110, 10.1.1); node:http alone would answer it without a body.
  listener.on('checkExpectation', options.onRequest);
  listener.on('clientError', options.onClientError);
  listener.on('drop', options.onDropped);
  return listener;
}

/** Listens and gives the port, which the system chose when `port` is 0. */
export async function listen(listener: SocketServer, address: { readonly host: string; readonly port: number }): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  listener.once('error', reject);
  listener.listen({ ...address, backlog: 1024 }, resolve);
  await promise;
  listener.removeListener('error', reject);
  const bound = listener.address();
  return typeof bound === 'object' && bound !== null ? bound.port : address.port;
}

/** Stops listening and closes every connection. */
export async function closeListener(listener: Listener): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  listener.close(() => resolve());
  listener.closeAllConnections();
  await promise;
}
