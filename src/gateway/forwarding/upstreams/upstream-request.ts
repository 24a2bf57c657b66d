import { PlinthError } from '../../../core/errors/index.ts';
import type { EmbedRequest, GenerateRequest, InferenceRequest, Prompt } from '../../../core/inference/index.ts';
import type { UpstreamAddress } from '../../../core/messages/index.ts';
import { formatChatFields } from './chat-fields.ts';

/** What goes to an upstream: the endpoint below its URL, and a body of the OpenAI dialect. */
export interface UpstreamRequest {
  readonly endpoint: 'chat/completions' | 'completions' | 'embeddings';
  readonly body: Readonly<Record<string, unknown>>;
}

/**
 * A request in the words of the OpenAI dialect, as https://platform.openai.com/docs/api-reference has it. Generation is always asked for
 * as a stream. Throws `unsupported_capability` for what the dialect has no words for.
 */
export function formatUpstreamRequest(request: InferenceRequest, address: UpstreamAddress): UpstreamRequest {
  if (request.kind === 'embed') return { endpoint: 'embeddings', body: formatEmbedding(request, address.model) };
  if (request.kind !== 'generate') throw unsupported(request, `answer requests of the kind '${request.kind}'`);
  if (request.answerStart !== undefined) throw unsupported(request, 'go on with an answer that was begun elsewhere');
  const body = {
    model: address.model,
    ...formatGeneration(request, address),
    stream: true,
    stream_options: { include_usage: true },
  };
  const [first, ...others] = request.prompts;
  if (first?.type !== 'chat') return { endpoint: 'completions', body: { ...body, ...formatCompletion(request) } };
  if (others.length > 0) throw unsupported(request, 'answer several conversations at once');
  return { endpoint: 'chat/completions', body: { ...body, ...formatChatFields(request, first.messages) } };
}

/** The default of this product's own endpoints: OpenAI knows no such field and refuses what it does not know. */
const DEFAULT_MIN_P = 0.05;

/** Fields of both generating endpoints. What has its usual value is left out, because not every upstream knows every field. */
function formatGeneration(request: GenerateRequest, address: UpstreamAddress): Record<string, unknown> {
  const { sampling, choiceCount, stop, maxTokens } = request;
  const isUsualMinP = sampling.minP === 0 || sampling.minP === DEFAULT_MIN_P;
  return {
    temperature: sampling.temperature,
    top_p: sampling.topP,
    ...(choiceCount === 1 ? {} : { n: choiceCount }),
    ...(stop.length === 0 ? {} : { stop }),
    ...(sampling.seed === undefined ? {} : { seed: sampling.seed }),
    ...(sampling.presencePenalty === 0 ? {} : { presence_penalty: sampling.presencePenalty }),
    ...(sampling.frequencyPenalty === 0 ? {} : { frequency_penalty: sampling.frequencyPenalty }),
    ...(sampling.logitBias.length === 0 ? {} : { logit_bias: Object.fromEntries(sampling.logitBias) }),
    ...(sampling.topK === 0 ? {} : { top_k: sampling.topK }),
    ...(isUsualMinP ? {} : { min_p: sampling.minP }),
    ...(sampling.repeatPenalty === 1 ? {} : { repeat_penalty: sampling.repeatPenalty }),
    ...(request.ignoresEnd ? { ignore_eos: true } : {}),
    ...(maxTokens === undefined ? {} : { [tokenLimitField(request, address)]: maxTokens }),
  };
}

/** OpenAI's newer models take the new name only, many other upstreams the old one only. */
function tokenLimitField({ prompts }: GenerateRequest, { url }: UpstreamAddress): string {
  const isOpenAi = /(?:^|\.)(?:openai|azure)\.com$/.test(new URL(url).hostname);
  return isOpenAi && prompts[0]?.type === 'chat' ? 'max_completion_tokens' : 'max_tokens';
}

function formatCompletion(request: GenerateRequest): Record<string, unknown> {
  if (request.toolOptions !== undefined || request.constraint.type !== 'text')
    throw unsupported(request, 'use tools or a response format outside of a conversation');
  const prompts = request.prompts.map((prompt) => formatPlain(request, prompt));
  const suffixes = new Set(request.prompts.map((prompt) => (prompt.type === 'text' ? prompt.suffix : undefined)));
  if (suffixes.size > 1) throw unsupported(request, 'take several suffixes at once');
  const [suffix] = suffixes;
  return {
    prompt: prompts.length === 1 ? prompts[0] : prompts,
    ...(suffix === undefined ? {} : { suffix }),
    ...(request.echoesPrompt ? { echo: true } : {}),
    ...(request.topLogprobs === undefined ? {} : { logprobs: request.topLogprobs }),
  };
}

function formatEmbedding(request: EmbedRequest, model: string): Record<string, unknown> {
  return {
    model,
    input: request.inputs.map((input) => formatPlain(request, input)),
    encoding_format: 'float',
    ...(request.dimensions === undefined ? {} : { dimensions: request.dimensions }),
  };
}

function formatPlain(request: InferenceRequest, prompt: Prompt): string | readonly number[] {
  if (prompt.type === 'text') return prompt.text;
  if (prompt.type === 'tokens') return prompt.tokens;
  throw unsupported(request, 'take conversations and texts at once');
}

function unsupported({ model }: InferenceRequest, deed: string): PlinthError {
  const message = `The model '${model}' is answered by an upstream, which cannot ${deed}.`;
  return new PlinthError({ code: 'unsupported_capability', message });
}
