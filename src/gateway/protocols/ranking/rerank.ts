import { z } from 'zod';
import { PlinthError } from '../../../core/errors/index.ts';
import type { JsonObject, ScoreRequest } from '../../../core/inference/index.ts';
import { compileWireSchema } from '../http/index.ts';
import { charactersOf, headOf, modelOf, MOST_TEXTS, runRanking, type RankingResult, type RankingVisit } from './ranking-visit.ts';

const count = z.int().min(1).nullish();
const flag = z.boolean().nullish();

/** What Cohere (v1 and v2), Jina, Voyage and vLLM take, in one. */
const rerankSchema = z.looseObject({
  model: z.string().min(1).nullish(),
  query: z.string().min(1),
  documents: z
    .array(z.union([z.string(), z.looseObject({})]))
    .min(1)
    .max(MOST_TEXTS),
  top_n: count,
  top_k: count,
  return_documents: flag,
  rank_fields: z.array(z.string()).min(1).max(64).nullish(),
});

/** What TEI takes. */
const rankTextsSchema = z.looseObject({
  model: z.string().min(1).nullish(),
  query: z.string(),
  texts: z.array(z.string()).min(1).max(MOST_TEXTS),
  raw_scores: flag,
  return_text: flag,
  truncate: flag,
});

type RerankBody = z.infer<typeof rerankSchema>;

const checkRerank: (body: unknown) => RerankBody = compileWireSchema(rerankSchema);
const checkRankTexts: (body: unknown) => z.infer<typeof rankTextsSchema> = compileWireSchema(rankTextsSchema);

/** `2`: Cohere's second version, which never repeats documents unless asked. */
export interface RerankOptions {
  readonly apiVersion: '1' | '2';
}

/** Answers a rerank in the shape that Cohere, Jina, Voyage and vLLM have in common: best first. */
export async function answerRerank(visit: RankingVisit, { apiVersion }: RerankOptions): Promise<object | undefined> {
  const body = checkRerank(visit.body);
  const readTexts = (): string[] =>
    body.documents.map((document, index) => readDocument(document, { index, rankFields: body.rank_fields }));
  const promptCharacters = (): number => charactersOf([body.query, ...readTexts()]);
  const model = modelOf(visit, body.model, { kind: 'score', promptCharacters });
  const texts = readTexts();
  const request: ScoreRequest = {
    kind: 'score',
    ...headOf(visit.call, model),
    pairs: texts.map((second) => ({ first: body.query, second })),
    scale: 'probability',
    overlong: 'cut',
  };
  const result = await runRanking(visit, request, texts.length);
  if (result === undefined) return undefined;
  const returnsDocuments = body.return_documents ?? apiVersion === '1';
  const ranked = rank(result.scores, body.top_n ?? body.top_k).map(({ index, score }) => ({
    index,
    relevance_score: score,
    ...(returnsDocuments ? { document: showDocument(body, index) } : {}),
  }));
  return {
    id: `rerank-${visit.call.requestId}`,
    object: 'list',
    model: model.name,
    results: ranked,
    // Voyage's clients look here.
    ...(isVoyage(body) ? { data: ranked } : {}),
    meta: metaOf(result, { apiVersion, model: model.name, documents: texts.length }),
    usage: { prompt_tokens: result.promptTokens, total_tokens: result.promptTokens },
  };
}

/** Answers TEI's rerank: a bare list, best first. */
export async function answerRankTexts(visit: RankingVisit): Promise<object | undefined> {
  const body = checkRankTexts(visit.body);
  const promptCharacters = (): number => charactersOf([body.query, ...body.texts]);
  const model = modelOf(visit, body.model, { kind: 'score', promptCharacters });
  const request: ScoreRequest = {
    kind: 'score',
    ...headOf(visit.call, model),
    pairs: body.texts.map((second) => ({ first: body.query, second })),
    scale: body.raw_scores === true ? 'logit' : 'probability',
    overlong: body.truncate === true ? 'cut' : 'refuse',
  };
  const result = await runRanking(visit, request, body.texts.length);
  if (result === undefined) return undefined;
  return rank(result.scores, undefined).map(({ index, score }) => ({
    index,
    score,
    ...(body.return_text === true ? { text: body.texts[index] } : {}),
  }));
}

/** Best first; equal ones in the order in which they came. */
function rank(scores: readonly number[], most: number | null | undefined): Array<{ index: number; score: number }> {
  const ranked = scores.map((score, index) => ({ index, score }));
  ranked.sort((one, other) => other.score - one.score || one.index - other.index);
  return ranked.slice(0, most ?? ranked.length);
}

function readDocument(
  document: RerankBody['documents'][number],
  place: { readonly index: number; readonly rankFields: readonly string[] | null | undefined },
): string {
  if (typeof document === 'string') return document;
  const fields = place.rankFields ?? ['text'];
  const texts = fields.map((field) => document[field]).filter((value) => typeof value === 'string');
  if (texts.length > 0) return texts.join('\n');
  const param = `documents[${place.index}]`;
  const message = `'${param}' must be a string or an object with the text field ${fields.map((field) => `'${field}'`).join(' or ')}.`;
  throw new PlinthError({ code: 'invalid_request', message, param });
}

/** Voyage shows a text as it came, everybody else in an object. */
function showDocument(body: RerankBody, index: number): string | JsonObject {
  const document = body.documents[index] ?? '';
  if (typeof document !== 'string') return document as JsonObject;
  return isVoyage(body) ? document : { text: document };
}

function isVoyage(body: RerankBody): boolean {
  return typeof body.top_k === 'number' || 'truncation' in body;
}

const DOCUMENTS_PER_UNIT = 100;

function metaOf(
  result: RankingResult,
  facts: { readonly apiVersion: string; readonly model: string; readonly documents: number },
): object {
  const warning = `'${facts.model}' is an embedding model: relevance_score is the cosine of two embeddings.`;
  return {
    api_version: { version: facts.apiVersion },
    billed_units: { search_units: Math.ceil(facts.documents / DOCUMENTS_PER_UNIT) },
    tokens: { input_tokens: result.promptTokens },
    ...(result.rankedBy === 'embedding' ? { warnings: [warning] } : {}),
  };
}
