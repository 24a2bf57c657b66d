import type { FastifyReply, FastifyRequest } from 'fastify';
import { PlinthError } from '../../../core/errors/index.ts';
import type { Call, InferenceDoor, ProtocolOptions } from '../inference-door.ts';
import type { OpenInference } from '../open-inference-control/index.ts';
import { isFields, parseJson, requireFields, type JsonFields } from '../open-inference-json/index.ts';
import type { ModelAsk } from '../open-inference-model/index.ts';
import { JSON_TYPE } from './format-error.ts';

/** What the endpoints of Open Inference are given beside the door. Sizes in bytes. */
export interface OpenInferenceRoutes extends ProtocolOptions {
  /** Largest body of an endpoint that takes tensors or model files, compressed or not. */
  readonly tensorBodyBytes: number;
}

/** One HTTP request at an endpoint of Open Inference. */
export interface Visit {
  readonly open: OpenInference;
  readonly door: InferenceDoor;
  readonly routes: OpenInferenceRoutes;
  readonly call: Call;
  readonly ask: ModelAsk;
  readonly body: Buffer;
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
}

export interface ModelParams {
  readonly model?: string;
  readonly version?: string;
}

const EMPTY = Buffer.alloc(0);

export function visitOf(
  open: OpenInference,
  routes: OpenInferenceRoutes,
  at: { request: FastifyRequest; reply: FastifyReply },
): Visit {
  const { request, reply } = at;
  const { model = '', version = '' } = request.params as ModelParams;
  return {
    open,
    door: open.door,
    routes,
    call: routes.callOf(request),
    ask: { name: model, version },
    body: Buffer.isBuffer(request.body) ? request.body : EMPTY,
    request,
    reply,
  };
}

/** The fields of a body that may be left out. Throws `invalid_request`. */
export function readOptionalFields(body: Buffer): JsonFields {
  return body.byteLength === 0 ? {} : requireFields(parseJson(body), 'request');
}

/** The fields inside `parameters`, which may be left out. */
export function readParameterFields(body: Buffer): JsonFields {
  const { parameters } = readOptionalFields(body);
  if (parameters === undefined) return {};
  return isFields(parameters) ? parameters : requireFields(parameters, "'parameters'");
}

export function sendJson(reply: FastifyReply, value: unknown): FastifyReply {
  return reply.type(JSON_TYPE).send(Buffer.from(JSON.stringify(value), 'utf8'));
}

export function unsupported(message: string): PlinthError {
  return new PlinthError({ code: 'unsupported_capability', message });
}
