import { z } from 'zod';
import { PlinthError } from '../../../core/errors/index.ts';
import type { EmbedRequest } from '../../../core/inference/index.ts';
import { compileWireSchema } from '../http/index.ts';
import { charactersOf, headOf, modelOf, MOST_TEXTS, runRanking, type RankingVisit } from './ranking-visit.ts';

const embedSchema = z.looseObject({
  model: z.string().min(1).nullish(),
  inputs: z.union([z.string().min(1), z.array(z.string().min(1)).min(1).max(MOST_TEXTS)]),
  truncate: z.boolean().nullish(),
  normalize: z.boolean().nullish(),
  dimensions: z.int().min(1).nullish(),
});

const checkEmbed: (body: unknown) => z.infer<typeof embedSchema> = compileWireSchema(embedSchema);

/** Answers TEI's embed: a bare list of vectors. */
export async function answerEmbedTexts(visit: RankingVisit): Promise<object | undefined> {
  const body = checkEmbed(visit.body);
  if (body.normalize === false) {
    const message = "'normalize' must be true: vectors have unit length here.";
    throw new PlinthError({ code: 'invalid_request', message, param: 'normalize' });
  }
  const promptCharacters = (): number => charactersOf([body.inputs].flat());
  const model = modelOf(visit, body.model, { kind: 'embed', promptCharacters });
  const request: EmbedRequest = {
    kind: 'embed',
    ...headOf(visit.call, model),
    inputs: [body.inputs].flat().map((text) => ({ type: 'text', text })),
    ...(typeof body.dimensions === 'number' ? { dimensions: body.dimensions } : {}),
    ...(body.truncate === true ? { overlong: 'cut' } : {}),
  };
  const result = await runRanking(visit, request, request.inputs.length);
  // Copied first: a view of floats must begin at a multiple of four bytes.
  return result?.vectors.map((bytes) => Array.from(new Float32Array(new Uint8Array(bytes).buffer)));
}
