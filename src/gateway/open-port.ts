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
  type TlsFiles,
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
  const files = tlsFilesOf(config);
  const tls = files === undefined ? undefined : await readTlsFiles(files);
  const listener = createListener({ ...config.limits, tls, onRequest: options.onRequest, ...refusals(options.metrics) });
  const number = await listenOrExplain(listener, config);
  if (files === undefined || tls === undefined) return { listener, number, scheme: 'http', stopWatching: () => undefined };
  const stopWatching = watchTlsFiles({
    files,
    current: tls,
    logger,
    onChange(material) {
      if ('setSecureContext' in listener) listener.setSecureContext(material);
    },
  });
  return { listener, number, scheme: 'https', stopWatching };
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

async function listenOrExplain(listener: Listener, { host, port }: Config): Promise<number> {
  try {
    return await listen(listener, { host, port });
  } catch (error) {
    const code = error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : 'unknown';
    const message = `Cannot listen on ${host}:${port}: ${REASONS[code] ?? code}.`;
    throw new PlinthError({ code: 'invalid_request', message, param: 'port' }, { cause: error });
  }
}
