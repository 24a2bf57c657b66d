import { z } from 'zod';
import { PlinthError } from '../../../core/errors/index.ts';
import type { ClassifyRequest, ScoredClass } from '../../../core/inference/index.ts';
import { compileWireSchema } from '../http/index.ts';
import { charactersOf, headOf, modelOf, MOST_TEXTS, runRanking, type RankingVisit } from './ranking-visit.ts';

const flag = z.boolean().nullish();

const classifySchema = z.looseObject({
  model: z.string().min(1).nullish(),
  input: z.union([z.string(), z.array(z.string()).min(1).max(MOST_TEXTS)]),
  activation: flag,
  use_activation: flag,
});

const predictSchema = z.looseObject({
  model: z.string().min(1).nullish(),
  inputs: z.union([
    z.string(),
    z
      .array(z.union([z.string(), z.array(z.string()).min(1).max(2)]))
      .min(1)
      .max(MOST_TEXTS),
  ]),
  raw_scores: flag,
  truncate: flag,
});

type PredictInputs = z.infer<typeof predictSchema>['inputs'];

const checkClassify: (body: unknown) => z.infer<typeof classifySchema> = compileWireSchema(classifySchema);
const checkPredict: (body: unknown) => z.infer<typeof predictSchema> = compileWireSchema(predictSchema);

/** Answers vLLM's classify: the best label of each text, and the probabilities of all in the order of the model's classes. */
export async function answerClassify(visit: RankingVisit): Promise<object | undefined> {
  const body = checkClassify(visit.body);
  const promptCharacters = (): number => charactersOf([body.input].flat());
  const model = modelOf(visit, body.model, { kind: 'classify', promptCharacters });
  const isRaw = body.use_activation === false || body.activation === false;
  const request: ClassifyRequest = {
    kind: 'classify',
    ...headOf(visit.call, model),
    inputs: [body.input].flat().map((text) => ({ text })),
    scale: isRaw ? 'logit' : 'probability',
    overlong: 'cut',
  };
  const result = await runRanking(visit, request, request.inputs.length);
  if (result === undefined) return undefined;
  return {
    id: `classify-${visit.call.requestId}`,
    object: 'list',
    created: Math.floor(Date.now() / 1000),
    model: model.name,
    data: result.classes.map((classes, index) => ({ index, label: classes[0]?.label ?? null, ...listProbabilities(classes) })),
    usage: {
      prompt_tokens: result.promptTokens,
      total_tokens: result.promptTokens,
      completion_tokens: 0,
      prompt_tokens_details: null,
    },
  };
}

/** Answers TEI's predict: all classes of each input, best first; without the outer list when one input came by itself. */
export async function answerPredict(visit: RankingVisit): Promise<object | undefined> {
  const body = checkPredict(visit.body);
  const promptCharacters = (): number => charactersOf([body.inputs].flat(2));
  const model = modelOf(visit, body.model, { kind: 'classify', promptCharacters });
  const { inputs, isBatch } = readInputs(body.inputs);
  const request: ClassifyRequest = {
    kind: 'classify',
    ...headOf(visit.call, model),
    inputs,
    scale: body.raw_scores === true ? 'logit' : 'probability',
    overlong: body.truncate === true ? 'cut' : 'refuse',
  };
  const result = await runRanking(visit, request, inputs.length);
  if (result === undefined) return undefined;
  const predictions = result.classes.map((classes) => classes.map(({ label, score }) => ({ score, label })));
  return isBatch ? predictions : predictions[0];
}

function listProbabilities(classes: readonly ScoredClass[]): { probs: number[]; num_classes: number } {
  const probs: number[] = [];
  for (const { classIndex, score } of classes) probs[classIndex] = score;
  return { probs, num_classes: classes.length };
}

/** A text, a list of one, a list of two that belong together, or a list of such lists. */
function readInputs(inputs: PredictInputs): { inputs: ClassifyRequest['inputs']; isBatch: boolean } {
  if (typeof inputs === 'string') return { inputs: [{ text: inputs }], isBatch: false };
  const lists = inputs.filter((input) => typeof input !== 'string');
  if (lists.length === inputs.length) return { inputs: lists.map(readPair), isBatch: true };
  const isPlain = lists.length === 0 && inputs.length <= 2;
  if (isPlain) return { inputs: [readPair(inputs as readonly string[])], isBatch: false };
  const message = "'inputs' must be a string, a list of one or two strings, or a list of such lists.";
  throw new PlinthError({ code: 'invalid_request', message, param: 'inputs' });
}

function readPair([text = '', pair]: readonly string[]): ClassifyRequest['inputs'][number] {
  return pair === undefined ? { text } : { text, pair };
}
