import { z } from 'zod';
import { PlinthError } from '../../../core/errors/index.ts';
import type { ScoreRequest } from '../../../core/inference/index.ts';
import { compileWireSchema } from '../http/index.ts';
import { charactersOf, headOf, modelOf, MOST_TEXTS, runRanking, type RankingVisit } from './ranking-visit.ts';

const texts = z.union([z.string(), z.array(z.string()).min(1).max(MOST_TEXTS)]);

const scoreSchema = z.looseObject({
  model: z.string().min(1).nullish(),
  text_1: texts,
  text_2: texts,
  activation: z.boolean().nullish(),
  use_activation: z.boolean().nullish(),
});

const checkScore: (body: unknown) => z.infer<typeof scoreSchema> = compileWireSchema(scoreSchema);

/** Answers vLLM's score: one text against many, or many against as many. */
export async function answerScore(visit: RankingVisit): Promise<object | undefined> {
  const body = checkScore(visit.body);
  const promptCharacters = (): number => charactersOf([body.text_1, body.text_2].flat());
  const model = modelOf(visit, body.model, { kind: 'score', promptCharacters });
  const isRaw = body.use_activation === false || body.activation === false;
  const request: ScoreRequest = {
    kind: 'score',
    ...headOf(visit.call, model),
    pairs: pairUp(body.text_1, body.text_2),
    scale: isRaw ? 'logit' : 'probability',
    overlong: 'cut',
  };
  const result = await runRanking(visit, request, request.pairs.length);
  if (result === undefined) return undefined;
  return {
    id: `score-${visit.call.requestId}`,
    object: 'list',
    created: Math.floor(Date.now() / 1000),
    model: model.name,
    data: result.scores.map((score, index) => ({ index, object: 'score', score })),
    usage: {
      prompt_tokens: result.promptTokens,
      total_tokens: result.promptTokens,
      completion_tokens: 0,
      prompt_tokens_details: null,
    },
  };
}

function pairUp(first: string | readonly string[], second: string | readonly string[]): ScoreRequest['pairs'] {
  const ones = [first].flat();
  const others = [second].flat();
  if (ones.length === 1) return others.map((text) => ({ first: ones[0] ?? '', second: text }));
  if (ones.length === others.length) return ones.map((text, index) => ({ first: text, second: others[index] ?? '' }));
  const message = `'text_1' must be one text or as many as 'text_2', but ${ones.length} and ${others.length} came.`;
  throw new PlinthError({ code: 'invalid_request', message, param: 'text_1' });
}
