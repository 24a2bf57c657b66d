import type { GenerateRequest, InferenceEvent, InferenceRequest } from '../../../core/inference/index.ts';
import type { InferencePort } from '../../../core/messages/index.ts';
import type { ComparisonScores } from '../verdict.ts';
import { gatherEvents, insideRequest, type AskedModel } from './ask-inside.ts';
import type { Answer, WrittenChoice } from './read-answer.ts';

/** Characters of an answer that are measured; what is longer is measured by its beginning. */
const MOST_CHARACTERS = 2_000;
/** A prompt that is longer is not read once more just for this. */
const MOST_PROMPT_CHARACTERS = 16_000;
/** Fewer tokens say nothing of how a text reads. */
const LEAST_TOKENS = 3;

/** What is measured: the answers of a request, and the version whose opinion counts. */
export interface MeasuredAnswers {
  readonly request: InferenceRequest;
  readonly judgedBy: AskedModel;
  readonly current: Answer;
  readonly candidate: Answer;
}

/**
 * Mean log-likelihood per token, in nats, of the first choice of both answers under one version: perplexity without the exponent.
 * The version reads the prompt with the answer behind it and tells how likely each token of the answer was to it. Undefined for what
 * is no text, calls of tools, and models that do not tell likelihoods.
 */
export async function measureLikelihood(
  inference: InferencePort,
  { request, judgedBy, current, candidate }: MeasuredAnswers,
): Promise<ComparisonScores['likelihood']> {
  if (request.kind !== 'generate' || !isMeasurable(request)) return undefined;
  const own = startOf(current.choices[0]);
  const other = startOf(candidate.choices[0]);
  if (own === undefined || other === undefined) return undefined;
  const ownMean = await meanLogprob(inference, scoringRequest(request, judgedBy, own));
  if (ownMean === undefined) return undefined;
  const otherMean = other === own ? ownMean : await meanLogprob(inference, scoringRequest(request, judgedBy, other));
  return otherMean === undefined ? undefined : { candidate: otherMean, current: ownMean };
}

function isMeasurable({ prompts }: GenerateRequest): boolean {
  const [prompt] = prompts;
  if (prompt?.type === 'tokens') return prompt.tokens.length * 4 <= MOST_PROMPT_CHARACTERS;
  if (prompt?.type === 'text') return prompt.suffix === undefined && prompt.text.length <= MOST_PROMPT_CHARACTERS;
  const characters = prompt?.messages.reduce((sum, { content }) => sum + content.length, 0) ?? Infinity;
  return characters <= MOST_PROMPT_CHARACTERS;
}

function startOf(choice: WrittenChoice | undefined): string | undefined {
  if (choice === undefined || choice.calls.length > 0 || choice.text.trim() === '') return undefined;
  const { text } = choice;
  return text.length <= MOST_CHARACTERS ? text : text.slice(0, MOST_CHARACTERS).replace(/\s+\S*$/, '');
}

function scoringRequest(request: GenerateRequest, judgedBy: AskedModel, answerStart: string): GenerateRequest {
  const [prompt = { type: 'text', text: '' } as const] = request.prompts;
  const { toolOptions } = request;
  return insideRequest(judgedBy, prompt, {
    maxTokens: 0,
    echoesPrompt: true,
    topLogprobs: 0,
    answerStart,
    ...(toolOptions === undefined ? {} : { toolOptions }),
  });
}

/** The mean over the tokens of the answer. An echo of something else means that the model does not do this. */
async function meanLogprob(inference: InferencePort, request: GenerateRequest): Promise<number | undefined> {
  const events = await gatherEvents(inference, request);
  if (events.at(-1)?.type !== 'finished' || echoOf(events).trim() !== request.answerStart?.trim()) return undefined;
  const logprobs = events.flatMap((event) => (event.type === 'text-delta' ? (event.logprobs ?? []) : []));
  const known = logprobs.flatMap(({ logprob }) => (logprob === null ? [] : [Math.max(logprob, LEAST_LOGPROB)]));
  return known.length < LEAST_TOKENS ? undefined : known.reduce((sum, logprob) => sum + logprob, 0) / known.length;
}

/** What is rounded to impossible counts as this unlikely, so that one token does not outweigh all others. */
const LEAST_LOGPROB = -30;

function echoOf(events: readonly InferenceEvent[]): string {
  return events.map((event) => (event.type === 'text-delta' ? event.text : '')).join('');
}
