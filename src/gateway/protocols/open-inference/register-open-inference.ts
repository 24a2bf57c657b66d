import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { modelStatistics, type OpenInference } from '../open-inference-control/index.ts';
import { isModelReady, modelConfig, modelMetadata } from '../open-inference-model/index.ts';
import { refuse } from '../open-inference-tensors/index.ts';
import { answerGenerate, answerGenerateStream } from './answer-generate.ts';
import { answerInfer } from './answer-infer.ts';
import { registerControl } from './register-control.ts';
import { sendJson, visitOf, type OpenInferenceRoutes, type Visit } from './visit.ts';

/** The paths that say whether the platform lives and is ready; they answer without a key. */
export const OPEN_INFERENCE_PROBES = ['/v2/health/live', '/v2/health/ready'] as const;

type MakeVisit = (request: FastifyRequest, reply: FastifyReply) => Visit;

/**
 * Puts Open Inference over HTTP on an application, with the extensions of Triton. The application authenticates and formats what is
 * thrown here (`formatOpenInferenceError`).
 */
export function registerOpenInference(app: FastifyInstance, open: OpenInference, routes: OpenInferenceRoutes): void {
  app.register((scope, _, done) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, ready) => ready(null, body));
    const makeVisit: MakeVisit = (request, reply) => visitOf(open, routes, { request, reply });
    addProbes(scope, open);
    addModels(scope, makeVisit);
    addInference(scope, makeVisit, routes.tensorBodyBytes);
    registerControl(scope, makeVisit);
    done();
  });
}

/** Clients of Triton look at the status only, those of KServe read the body. */
function addProbes(scope: FastifyInstance, open: OpenInference): void {
  const [livePath, readyPath] = OPEN_INFERENCE_PROBES;
  scope.get(livePath, (_request, reply) => sendJson(reply, { live: true }));
  scope.get(readyPath, (_request, reply) => (open.isReady() ? sendJson(reply, { ready: true }) : reply.code(400).send()));
  scope.get('/v2', (_request, reply) => sendJson(reply, open.metadata));
}

const VERSIONS = ['', '/versions/:version'] as const;

function addModels(scope: FastifyInstance, makeVisit: MakeVisit): void {
  const get = (path: string, answer: (visit: Visit) => FastifyReply): void =>
    void scope.get(path, (request, reply) => answer(makeVisit(request, reply)));
  get('/v2/models/stats', ({ door, call, reply }) =>
    sendJson(reply, { model_stats: modelStatistics(door, { name: '', version: '' }, call) }),
  );
  for (const version of VERSIONS) {
    const path = `/v2/models/:model${version}`;
    get(path, ({ door, ask, call, reply }) => sendJson(reply, modelMetadata(door, ask, call)));
    get(`${path}/config`, ({ door, ask, call, reply }) => sendJson(reply, modelConfig(door, ask, call)));
    get(`${path}/stats`, ({ door, ask, call, reply }) => sendJson(reply, { model_stats: modelStatistics(door, ask, call) }));
    get(`${path}/ready`, ({ door, ask, call, reply }) => {
      if (!isModelReady(door, ask, call)) throw refuse('Model version not ready');
      return sendJson(reply, { name: ask.name, ready: true });
    });
  }
}

function addInference(scope: FastifyInstance, makeVisit: MakeVisit, bodyLimit: number): void {
  for (const version of VERSIONS) {
    const path = `/v2/models/:model${version}`;
    scope.post(`${path}/infer`, { bodyLimit }, (request, reply) => answerInfer(makeVisit(request, reply)));
    scope.post(`${path}/generate`, { bodyLimit }, (request, reply) => answerGenerate(makeVisit(request, reply)));
    scope.post(`${path}/generate_stream`, { bodyLimit }, (request, reply) => answerGenerateStream(makeVisit(request, reply)));
  }
}
