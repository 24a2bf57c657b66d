import { Server as TlsPort } from 'node:https';
import Fastify, { type FastifyInstance, type FastifyRequest } from 'fastify';
import type { Config } from '../../core/config/index.ts';
import { PlinthError } from '../../core/errors/index.ts';
import { hasCode } from '../../core/files/index.ts';
import type { KeyVerifier } from '../../core/messages/index.ts';
import type { Logger } from '../../core/telemetry/index.ts';
import { answerErrors } from './answer-errors.ts';
import { authorizeAdmin } from './authorize.ts';
import { isLoopback, isOwnHost } from './choose-own-host.ts';
import { followCertificate, readCertificate, type CertificateFiles } from './follow-certificate.ts';

/** `localToken` opens the port like an admin key does; certificate, address and allowed hosts come from `config`. */
export interface ManagementPortOptions {
  readonly config: Config;
  readonly keyring: KeyVerifier;
  readonly localToken: string;
  readonly logger: Logger;
  /** Adds the routes of each folder. */
  readonly mount: (app: FastifyInstance) => void;
}

/** The open port. */
export interface ManagementPort {
  /** `http://127.0.0.1:8081`, with the port that was really taken. */
  readonly url: string;
  close(): Promise<void>;
}

const OPEN_PATHS = ['/livez', '/readyz'];
const MOST_BODY_BYTES = 16 * 1024;
/** Declarative files and plans with golden questions. */
const MOST_JSON_BYTES = 1024 * 1024;
const ACTOR = 'plinthActor';
/** Deeper than any document of this port is; what is nested without end would exhaust the stack of whoever reads it. */
const MOST_DEPTH = 64;
/** Names of models in paths: 128 characters, each of up to three when it is escaped. */
const LONGEST_PARAMETER = 400;
const MOST_CONNECTIONS = 64;
const LIMITS = { bodyLimit: MOST_BODY_BYTES, requestTimeout: 10_000, connectionTimeout: 30_000, keepAliveTimeout: 5_000 };

/**
 * The port of whoever operates Plinth. `/livez` and `/readyz` are open; all else needs an admin key. Throws `invalid_request` when the
 * address would expose it without TLS, a certificate is missing or the address is taken.
 */
export async function openManagementPort(options: ManagementPortOptions): Promise<ManagementPort> {
  const { config, logger } = options;
  const certificate = findCertificate(config);
  refuseExposure(config, certificate !== undefined);
  const app = createApp(certificate);
  app.server.maxConnections = MOST_CONNECTIONS;
  addChecks(app, options);
  answerErrors(app, logger);
  options.mount(app);
  const url = await listen(app, config);
  const stopFollowing =
    certificate && app.server instanceof TlsPort ? followCertificate(app.server, certificate, logger) : undefined;
  logger.info({ url }, 'management port listens');
  return {
    url,
    close: async () => {
      stopFollowing?.();
      await app.close();
    },
  };
}

/** Who asks: the id of the key, or `local` for commands on this machine. */
export function actorOf(request: FastifyRequest): string {
  return request.getDecorator<string>(ACTOR);
}

function createApp(certificate: CertificateFiles | undefined): FastifyInstance {
  const routerOptions = { maxParamLength: LONGEST_PARAMETER };
  const settings = { ...LIMITS, routerOptions, logger: false, forceCloseConnections: true, return503OnClosing: false };
  const app: FastifyInstance =
    certificate === undefined ? Fastify(settings) : Fastify({ ...settings, https: readCertificate(certificate) });
  app.decorateRequest(ACTOR, '');
  app.removeAllContentTypeParsers();
  const options = { parseAs: 'string', bodyLimit: MOST_JSON_BYTES } as const;
  const parse = app.getDefaultJsonParser('error', 'error');
  app.addContentTypeParser<string>('application/json', options, (request, text, done) => {
    if (depthOf(text) <= MOST_DEPTH) return parse(request, text, done);
    const message = `The body is nested more than ${MOST_DEPTH} deep.`;
    done(new PlinthError({ code: 'invalid_request', message }));
  });
  // What is not JSON is for endpoints that read no body: taken up to the limit and ignored.
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, _body, done) => done(null));
  return app;
}

/** How deep brackets are nested in a JSON text, those within strings left out. */
function depthOf(text: string): number {
  let depth = 0;
  let deepest = 0;
  let isString = false;
  for (let at = 0; at < text.length; at++) {
    const character = text[at];
    if (isString && character === '\\') at++;
    else if (character === '"') isString = !isString;
    else if (isString) continue;
    else if (character === '{' || character === '[') deepest = Math.max(deepest, ++depth);
    else if (character === '}' || character === ']') depth--;
  }
  return deepest;
}

function addChecks(app: FastifyInstance, { config, keyring, localToken }: ManagementPortOptions): void {
  const { allowedHosts } = config.security;
  app.addHook('onRequest', (request, _reply, done) => {
    checkCaller(request, [...allowedHosts, config.managementHost]);
    if (!OPEN_PATHS.includes(request.routeOptions.url ?? ''))
      request.setDecorator(ACTOR, authorizeAdmin(request.headers.authorization, { keyring, localToken }));
    done();
  });
}

function checkCaller({ headers, socket }: FastifyRequest, allowedHosts: readonly string[]): void {
  if (!isOwnHost({ host: headers.host, localAddress: socket.localAddress, allowedHosts }))
    throw new PlinthError({
      code: 'host_not_allowed',
      message: 'The Host header does not name this machine; see security.allowedHosts.',
    });
  if (headers.origin !== undefined)
    throw new PlinthError({ code: 'origin_not_allowed', message: 'The management port does not answer web pages.' });
}

function findCertificate(config: Config): CertificateFiles | undefined {
  const { certFile, keyFile } = config.tls;
  return certFile !== undefined && keyFile !== undefined ? { certFile, keyFile } : undefined;
}

function refuseExposure({ managementHost, security }: Config, hasCertificate: boolean): void {
  if (isLoopback(managementHost) || hasCertificate || security.allowInsecureListen) return;
  throw new PlinthError({
    code: 'invalid_request',
    message: `managementHost '${managementHost}' is beyond loopback, and there is no TLS: keys would travel in the clear. Set tls.certFile and tls.keyFile, or security.allowInsecureListen behind a proxy that has TLS.`,
    param: 'managementHost',
  });
}

async function listen(app: FastifyInstance, { managementHost, managementPort }: Config): Promise<string> {
  try {
    return await app.listen({ host: managementHost.replace(/^\[|\]$/g, ''), port: managementPort, backlog: 64 });
  } catch (cause) {
    await app.close();
    const isTaken = hasCode(cause, 'EADDRINUSE');
    const reason = isTaken
      ? 'is in use by another program'
      : `cannot be opened (${cause instanceof Error ? cause.message : String(cause)})`;
    const message = `The management port ${managementPort} on ${managementHost} ${reason}; set managementPort to another, or to 0 for a free one.`;
    throw new PlinthError({ code: 'invalid_request', message, param: 'managementPort' }, { cause });
  }
}
