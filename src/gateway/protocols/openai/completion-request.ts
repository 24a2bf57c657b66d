import { z } from 'zod';
import type { GenerateRequest, Prompt } from '../../../core/inference/index.ts';
import { compileWireSchema } from '../http/index.ts';
import { generationFields, invalidField, parseSampling, parseStop, unsupportedField, type Arrival } from './generation-fields.ts';

const MOST_PROMPTS = 2048;
const MOST_CHOICES = 2048;
const DEFAULT_MAX_TOKENS = 16;

const token = z
  .int()
  .min(0)
  .max(2 ** 31 - 1);

/** A text, token ids, or a list of either. */
export const textInput = z.union([z.string(), z.array(z.union([z.string(), token, z.array(token)])).min(1)]);

const completionSchema = z.looseObject({
  ...generationFields,
  prompt: textInput,
  max_tokens: z.int().min(0).nullish(),
  suffix: z.string().nullish(),
  echo: z.boolean().nullish(),
  best_of: z.int().min(1).max(128).nullish(),
  logprobs: z.int().min(0).max(5).nullish(),
});

export type CompletionBody = z.infer<typeof completionSchema>;
type TextInput = z.infer<typeof textInput>;
export type PlainPrompt = Exclude<Prompt, { type: 'chat' }>;

/** Checks the body of a completion. Throws `invalid_request` with `param`. */
export const checkCompletionBody: (body: unknown) => CompletionBody = compileWireSchema(completionSchema);

/** A checked body in own words. */
export function parseCompletion(body: CompletionBody, arrival: Arrival): GenerateRequest {
  const choiceCount = body.n ?? 1;
  requireNoRanking(body, choiceCount);
  const prompts = parseTextInput(body.prompt, { field: 'prompt', emptyText: 'allowed' }).map((prompt) =>
    addSuffix(prompt, body.suffix),
  );
  if (prompts.length * choiceCount > MOST_CHOICES) {
    throw invalidField(
      'n',
      `At most ${MOST_CHOICES} choices per request are possible, but ${prompts.length} prompts × ${choiceCount} came.`,
    );
  }
  return {
    kind: 'generate',
    id: arrival.requestId,
    model: body.model,
    prompts,
    choiceCount,
    sampling: parseSampling(body),
    maxTokens: body.max_tokens ?? DEFAULT_MAX_TOKENS,
    stop: parseStop(body.stop),
    constraint: { type: 'text' },
    ...(typeof body.logprobs === 'number' ? { topLogprobs: body.logprobs } : {}),
    echoesPrompt: body.echo === true,
    ignoresEnd: body.ignore_eos === true,
    timeLeftMs: arrival.timeLeftMs,
  };
}

export interface TextField {
  readonly field: string;
  /** An empty prompt begins a text of the model's own; an empty input has no meaning to embed. */
  readonly emptyText: 'allowed' | 'refused';
}

/** Prompts of a text input. Empty lists and lists of mixed kinds are refused, with the field in `param`. */
export function parseTextInput(input: TextInput, { field, emptyText }: TextField): PlainPrompt[] {
  const toTextPrompt = emptyText === 'allowed' ? anyTextPrompt : filledTextPrompt;
  if (typeof input === 'string') return [toTextPrompt(input, field)];
  if (input.length > MOST_PROMPTS) {
    const isTokens = typeof input[0] === 'number';
    if (!isTokens) throw invalidField(field, `'${field}' must have at most ${MOST_PROMPTS} items, but ${input.length} came.`);
  }
  if (typeof input[0] === 'number') return [toTokenPrompt(input, field)];
  const isTexts = typeof input[0] === 'string';
  return input.map((one, index) => {
    const path = `${field}[${index}]`;
    if (typeof one === 'string' && isTexts) return toTextPrompt(one, path);
    if (Array.isArray(one) && !isTexts) return toTokenPrompt(one, path);
    throw mixed(path, isTexts ? 'a string' : 'an array of token ids');
  });
}

function anyTextPrompt(text: string): PlainPrompt {
  return { type: 'text', text };
}

function filledTextPrompt(text: string, path: string): PlainPrompt {
  if (text === '') throw invalidField(path, `'${path}' must have at least 1 character, but an empty string came.`);
  return { type: 'text', text };
}

function toTokenPrompt(items: ReadonlyArray<string | number | number[]>, path: string): PlainPrompt {
  if (items.length === 0) throw invalidField(path, `'${path}' must have at least 1 item, but an empty array came.`);
  const tokens = items.map((one, index) => {
    if (typeof one === 'number') return one;
    throw mixed(`${path}[${index}]`, 'a token id');
  });
  return { type: 'tokens', tokens };
}

function mixed(path: string, expected: string): Error {
  return invalidField(path, `'${path}' must be ${expected} like the items before it.`);
}

function addSuffix(prompt: PlainPrompt, suffix: string | null | undefined): PlainPrompt {
  if (suffix === undefined || suffix === null || suffix === '') return prompt;
  if (prompt.type === 'text') return { ...prompt, suffix };
  throw invalidField('suffix', "'suffix' is only allowed when 'prompt' is text, but token ids came.");
}

function requireNoRanking(body: CompletionBody, choiceCount: number): void {
  const bestOf = body.best_of ?? choiceCount;
  if (bestOf < choiceCount) throw invalidField('best_of', `'best_of' must be at least 'n' (${choiceCount}), but ${bestOf} came.`);
  if (bestOf > choiceCount) {
    throw unsupportedField('best_of', `'best_of' above 'n' is not supported: all choices are returned. Ask for 'n' = ${bestOf}.`);
  }
}
