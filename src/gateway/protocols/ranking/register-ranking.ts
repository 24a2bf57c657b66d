import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { PlinthError } from '../../../core/errors/index.ts';
import { readJsonOnly } from '../http/index.ts';
import type { InferenceDoor, ProtocolOptions } from '../inference-door.ts';
import { answerClassify, answerPredict } from './classify.ts';
import { answerEmbedTexts } from './embed-texts.ts';
import type { RankingVisit } from './ranking-visit.ts';
import { answerRankTexts, answerRerank } from './rerank.ts';
import { answerScore } from './score.ts';
import { answerInTeiWords } from './tei-errors.ts';

type Answer = (visit: RankingVisit) => Promise<object | undefined>;

const rerankV1: Answer = (visit) => answerRerank(visit, { apiVersion: '1' });
const rerankV2: Answer = (visit) => answerRerank(visit, { apiVersion: '2' });

/** Paths of which several products have one; TEI's body tells itself by a field that the others lack. */
const endpoints: ReadonlyArray<
  readonly [path: string, answer: Answer, tei?: { readonly field: string; readonly answer: Answer }]
> = [
  ['/v1/rerank', rerankV1, { field: 'texts', answer: answerRankTexts }],
  ['/v2/rerank', rerankV2],
  ['/rerank', rerankV1, { field: 'texts', answer: answerRankTexts }],
  ['/score', answerScore],
  ['/v1/score', answerScore],
  ['/classify', answerClassify, { field: 'inputs', answer: answerPredict }],
  ['/v1/classify', answerClassify],
];

const teiEndpoints: ReadonlyArray<readonly [path: string, answer: Answer]> = [
  ['/predict', answerPredict],
  ['/embed', answerEmbedTexts],
];

/**
 * Puts the endpoints for ranking, scoring and classifying texts on an application: rerank as Cohere, Jina, Voyage, vLLM and TEI have it,
 * score and classify as vLLM, predict and embed as TEI. Errors are in OpenAI's shape, or in TEI's where TEI's words came.
 */
export function registerRanking(app: FastifyInstance, door: InferenceDoor, options: ProtocolOptions): void {
  app.register((scope, _, done) => {
    readJsonOnly(scope, options.bodyDepth);
    answerInTeiWords(scope, isTei);
    const visitOf = (request: FastifyRequest, reply: FastifyReply): RankingVisit => ({
      door,
      call: options.callOf(request),
      body: requireBody(request.body),
      reply,
    });
    for (const [path, answer, tei] of endpoints) {
      scope.post(path, (request, reply) => {
        const visit = visitOf(request, reply);
        return tei !== undefined && hasField(visit.body, tei.field) ? tei.answer(visit) : answer(visit);
      });
    }
    for (const [path, answer] of teiEndpoints) scope.post(path, (request, reply) => answer(visitOf(request, reply)));
    done();
  });
}

function isTei(request: FastifyRequest): boolean {
  const path = request.routeOptions.url;
  if (teiEndpoints.some(([own]) => own === path)) return true;
  const tei = endpoints.find(([own]) => own === path)?.[2];
  return tei !== undefined && hasField(request.body, tei.field);
}

function hasField(body: unknown, field: string): boolean {
  return typeof body === 'object' && body !== null && Object.hasOwn(body, field);
}

function requireBody(body: unknown): unknown {
  if (body !== undefined) return body;
  throw new PlinthError({ code: 'invalid_json', message: 'The body is empty; a JSON object was expected.' });
}
