import type { RequestListener } from 'node:http';
import type { Config } from '../core/config/index.ts';
import { PlinthError, type ErrorFacts } from '../core/errors/index.ts';
import type { Logger, Metrics } from '../core/telemetry/index.ts';
import { requestIdOf } from './access/index.ts';
import {
  answerClientError,
  createListener,
  listen,
  readTlsFiles,
  watchTlsFiles,
  type Listener,
  type SocketListener,
  type TlsFiles,
  type TlsMaterial,
} from './listening/index.ts';
import { formatOpenAiError } from './protocols/index.ts';

export interface OpenPort {
  readonly listener: Listener;
  readonly number: number;
  readonly scheme: 'http' | 'https';
  /** Stops following the certificate files. */
  readonly stopWatching: () => void;
}

export interface OpenPortOptions {
  readonly config: Config;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly onRequest: RequestListener;
}

/** Listens as the configuration says. Throws `invalid_request` when the certificate does not load or the port cannot be had. */
export async function openPort(options: OpenPortOptions): Promise<OpenPort> {
  const { config, logger } = options;
  const tls = await readConfiguredTls(config);
  const listener = createListener({
    ...config.limits,
    tls: tls?.current,
    onRequest: options.onRequest,
    ...refusals(options.metrics),
  });
  const number = await listenOrExplain(listener, { host: config.host, port: config.port, param: 'port' });
  if (tls === undefined) return { listener, number, scheme: 'http', stopWatching: () => undefined };
  return { listener, number, scheme: 'https', stopWatching: followTls(listener, tls, logger) };
}

/** The certificate of the configuration, and where it came from. */
export interface ConfiguredTls {
  readonly files: TlsFiles;
  readonly current: TlsMaterial;
}

/** Undefined when the configuration names no certificate. Throws `invalid_request` when it does not load. */
export async function readConfiguredTls(config: Config): Promise<ConfiguredTls | undefined> {
  const files = tlsFilesOf(config);
  return files === undefined ? undefined : { files, current: await readTlsFiles(files) };
}

/** Gives a listener every new certificate; returns the way to stop that. */
export function followTls(listener: Listener | SocketListener, tls: ConfiguredTls, logger: Logger): () => void {
  return watchTlsFiles({
    ...tls,
    logger,
    onChange(material) {
      if ('setSecureContext' in listener) listener.setSecureContext(material);
    },
  });
}

function refusals(metrics: Metrics): Pick<Parameters<typeof createListener>[0], 'onClientError' | 'onDropped'> {
  const onRefused = (facts: ErrorFacts): void => metrics.refusals.inc({ reason: facts.code });
  const newRequestId = (): string => requestIdOf(undefined);
  return {
    onClientError: (error, socket) =>
      answerClientError(error, socket, { formatError: formatOpenAiError, newRequestId, onRefused }),
    onDropped: () => metrics.refusals.inc({ reason: 'connections' }),
  };
}

/** The schema sees to it that both are given or none. */
function tlsFilesOf({ tls: { certFile, keyFile } }: Config): TlsFiles | undefined {
  return certFile === undefined || keyFile === undefined ? undefined : { certFile, keyFile };
}

const REASONS: Readonly<Record<string, string>> = {
  EADDRINUSE: 'another program listens there; stop it or choose another port',
  EACCES: 'this user may not listen there; choose a port above 1023',
  EADDRNOTAVAIL: 'this machine does not have that address',
  ENOTFOUND: 'the name is not known',
};

/** Where to listen; `param` is the field of the configuration that says so. */
export interface PortAddress {
  readonly host: string;
  readonly port: number;
  readonly param: string;
}

/** Listens and gives the port that was taken. Throws `invalid_request` that says why it cannot be had. */
export async function listenOrExplain(listener: Listener | SocketListener, { host, port, param }: PortAddress): Promise<number> {
  try {
    return await listen(listener, { host, port });
  } catch (error) {
    const code = error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : 'unknown';
    const message = `Cannot listen on ${host}:${port}: ${REASONS[code] ?? code}.`;
    throw new PlinthError({ code: 'invalid_request', message, param }, { cause: error });
  }
}
