import type { IncomingMessage } from 'node:http';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { PlinthError } from '../../core/errors/index.ts';
import type { KeyVerifier } from '../../core/messages/index.ts';
import type { RouteChoice } from '../../core/traffic/index.ts';
import type { Admission } from './admit.ts';
import { authenticate } from './authenticate.ts';
import { chooseDeadlineMs } from './choose-deadline.ts';
import { hasSecondHost, isOwnHost } from './check-host.ts';
import { judgeOrigin, type OriginRule } from './check-origin.ts';
import { corsHeaders, preflightHeaders } from './cors-headers.ts';
import { ARM_HEADER, HttpCall, versionHeaders } from './http-call.ts';
import { limitBodyPieces } from './limit-body-pieces.ts';
import { requestIdOf } from './request-id.ts';

/** What the checks go by. Times in milliseconds. */
export interface GuardOptions {
  readonly keys: KeyVerifier;
  readonly admission: Admission;
  readonly scheme: 'http' | 'https';
  /** Host names answered besides loopback and the own address. */
  readonly allowedHosts: readonly string[];
  readonly corsOrigins: readonly string[];
  readonly headerCount: number;
  readonly requestTimeoutMs: number;
  /** Paths that answer without a key and that draining does not close. */
  readonly openPaths: ReadonlySet<string>;
  /** Called once per admitted request, after its last byte or when its connection is gone. */
  readonly onFinished: (request: FastifyRequest, reply: FastifyReply) => void;
}

const CALL = 'plinthCall';

/**
 * Puts the checks on an application that every request passes before its body is read: its headers, whose page it comes from, who asks,
 * and whether there is room. Refusals are thrown as PlinthError.
 */
export function guardRequests(app: FastifyInstance, options: GuardOptions): void {
  app.decorateRequest(CALL);
  const checkPage = createPageCheck(options);
  app.addHook('onRequest', (request, reply, done) => {
    reply.header('x-request-id', request.id);
    try {
      checkHeaders(request.raw, options.headerCount);
      if (checkPage(request, reply)) return;
      if (!options.openPaths.has(request.routeOptions.url ?? '')) admitRequest(request, reply, options);
      done();
    } catch (error) {
      done(
        error instanceof Error
          ? error
          : new PlinthError({ code: 'internal_error', message: 'The request could not be checked.' }),
      );
    }
  });
}

/** The call of a request that {@link guardRequests} let in. */
export function callOf(request: FastifyRequest): HttpCall {
  const call = findCall(request);
  if (call === undefined) throw new PlinthError({ code: 'internal_error', message: 'The request was not admitted.' });
  return call;
}

/** As {@link callOf}; undefined for a request that was refused or needs no admission. */
export function findCall(request: FastifyRequest): HttpCall | undefined {
  return request.getDecorator<HttpCall | undefined>(CALL);
}

/** For Fastify's `genReqId`. */
export function generateRequestId(raw: { readonly headers: NodeJS.Dict<string | string[]> }): string {
  return requestIdOf(raw.headers['x-request-id']);
}

function admitRequest(request: FastifyRequest, reply: FastifyReply, options: GuardOptions): void {
  const { headers } = request.raw;
  const principal = authenticate(headers, options.keys);
  const nowMs = performance.now();
  const timeout = headers['x-request-timeout-ms'];
  const header = Array.isArray(timeout) ? timeout.join() : timeout;
  const deadlineMs = chooseDeadlineMs({ header, requestTimeoutMs: options.requestTimeoutMs, nowMs });
  options.admission.enter();
  const call = new HttpCall({
    requestId: request.id,
    principal,
    deadlineMs,
    startedMs: nowMs,
    headers,
    onRouted: (choice) => tellVersion(reply, choice),
  });
  request.setDecorator(CALL, call);
  limitBodyPieces(request.raw);
  reply.raw.once('close', () => {
    options.admission.leave();
    if (!reply.raw.writableFinished) call.abort();
    options.onFinished(request, reply);
  });
}

/** The answer says which version gives it; the last choice before its headers are out counts. */
function tellVersion(reply: FastifyReply, choice: RouteChoice): void {
  if (reply.raw.headersSent) return;
  reply.removeHeader(ARM_HEADER);
  reply.headers(versionHeaders(choice));
}

/** Host, Origin and CORS. Answers preflights itself: then true. */
function createPageCheck(options: GuardOptions): (request: FastifyRequest, reply: FastifyReply) => boolean {
  const allowedHosts = new Set(options.allowedHosts.map((name) => name.toLowerCase()));
  const corsOrigins = new Set(options.corsOrigins);
  return (request, reply) => {
    const { headers, socket } = request.raw;
    const host = headers.host ?? '';
    if (!isOwnHost(host, { allowedHosts, localAddress: socket.localAddress })) throw foreignHost();
    if (headers.origin === undefined) return false;
    const rule: OriginRule = { corsOrigins, host, scheme: options.scheme };
    const verdict = judgeOrigin(headers.origin, rule);
    if (verdict === 'foreign') throw foreignOrigin();
    if (verdict !== 'configured') return false;
    return answerConfiguredOrigin(request, reply, headers.origin);
  };
}

function answerConfiguredOrigin(request: FastifyRequest, reply: FastifyReply, origin: string): boolean {
  const isPreflight = request.method === 'OPTIONS' && request.headers['access-control-request-method'] !== undefined;
  const asked = request.headers['access-control-request-headers'];
  const headers = isPreflight ? preflightHeaders(origin, asked) : corsHeaders(origin);
  reply.headers(headers);
  if (isPreflight) reply.code(204).send();
  return isPreflight;
}

function checkHeaders({ rawHeaders, headers, httpVersionMinor }: IncomingMessage, most: number): void {
  if (rawHeaders.length > most * 2) {
    throw new PlinthError({ code: 'headers_too_large', message: `A request may have at most ${most} headers.` });
  }
  if (headers.host === undefined && httpVersionMinor > 0)
    throw new PlinthError({ code: 'invalid_request', message: 'A request needs a Host header.' });
  if (hasSecondHost(rawHeaders))
    throw new PlinthError({ code: 'invalid_request', message: 'A request has one Host header, not several.' });
}

function foreignHost(): PlinthError {
  const message = 'The Host header names another machine. Add the name to security.allowedHosts to be reached by it.';
  return new PlinthError({ code: 'host_not_allowed', message });
}

function foreignOrigin(): PlinthError {
  const message = 'Pages of this origin may not call this server. Add the origin to security.corsOrigins to allow it.';
  return new PlinthError({ code: 'origin_not_allowed', message });
}
