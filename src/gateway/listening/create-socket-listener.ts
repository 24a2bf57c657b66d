import { createServer as createPlain, type Server, type Socket } from 'node:net';
import { createServer as createTls, type Server as TlsServer } from 'node:tls';
import type { TlsMaterial } from './tls-files.ts';

/** The limits of a socket that speaks no HTTP/1.1 and what happens on it. */
export interface SocketListenerOptions {
  readonly connections: number;
  readonly tls: TlsMaterial | undefined;
  /** What the two ends agree on in the TLS handshake. */
  readonly alpn: string;
  readonly onConnection: (connection: Socket) => void;
  /** A connection beyond the limit was closed. */
  readonly onDropped: () => void;
}

/** With `setSecureContext` when it speaks TLS. */
export type SocketListener = Server | TlsServer;

/** The longest that a connection may say nothing at first. */
const FIRST_BYTES_TIMEOUT_MS = 8000;
const HANDSHAKE_TIMEOUT_MS = 8000;

/** A listening socket that hands its connections on as they are, TLS taken off. */
export function createSocketListener(options: SocketListenerOptions): SocketListener {
  const { tls, alpn, onConnection } = options;
  const settings = { noDelay: true, keepAlive: true };
  const accept = (connection: Socket): void => {
    closeSilent(connection);
    onConnection(connection);
  };
  const listener =
    tls === undefined
      ? createPlain(settings, accept)
      : createTls(
          { ...settings, ...tls, ALPNProtocols: [alpn], minVersion: 'TLSv1.2', handshakeTimeout: HANDSHAKE_TIMEOUT_MS },
          accept,
        );
  listener.maxConnections = options.connections;
  listener.on('drop', options.onDropped);
  return listener;
}

function closeSilent(connection: Socket): void {
  connection.on('error', () => undefined);
  const timer = setTimeout(() => {
    if (connection.bytesRead === 0) connection.destroy();
  }, FIRST_BYTES_TIMEOUT_MS);
  timer.unref();
  connection.once('close', () => clearTimeout(timer));
}
