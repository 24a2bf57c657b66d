import { z } from 'zod';
import type { GenerateRequest, JsonObject, OutputConstraint } from '../../../core/inference/index.ts';
import { compileWireSchema } from '../http/index.ts';
import { messageSchema, parseMessages } from './chat-messages.ts';
import { identifier, parseTools, toolFields } from './chat-tools.ts';
import { generationFields, invalidField, parseSampling, parseStop, unsupportedField, type Arrival } from './generation-fields.ts';

const responseFormat = z.discriminatedUnion('type', [
  z.looseObject({ type: z.literal('text') }),
  z.looseObject({ type: z.literal('json_object') }),
  z.looseObject({
    type: z.literal('json_schema'),
    json_schema: z.looseObject({
      name: identifier,
      description: z.string().nullish(),
      schema: z.custom<JsonObject>().meta({ type: 'object' }),
      strict: z.boolean().nullish(),
    }),
  }),
]);

const tokenCount = z.int().min(1).nullish();
const ignoredText = z.string().nullish();

const chatSchema = z.looseObject({
  ...generationFields,
  ...toolFields,
  messages: z.array(messageSchema).min(1),
  max_tokens: tokenCount,
  max_completion_tokens: tokenCount,
  logprobs: z.boolean().nullish(),
  top_logprobs: z.int().min(0).max(20).nullish(),
  response_format: responseFormat.nullish(),
  modalities: z.array(z.string()).nullish(),
  metadata: z.record(z.string(), z.string()).nullish(),
  store: z.boolean().nullish(),
  service_tier: ignoredText,
  reasoning_effort: ignoredText,
  verbosity: ignoredText,
  safety_identifier: ignoredText,
  prompt_cache_key: ignoredText,
});

export type ChatBody = z.infer<typeof chatSchema>;

/** Checks the body of a chat completion. Throws `invalid_request` with `param`. */
export const checkChatBody: (body: unknown) => ChatBody = compileWireSchema(chatSchema);

/** A checked body in own words. */
export function parseChat(body: ChatBody, arrival: Arrival): GenerateRequest {
  if (body.modalities?.includes('audio') === true)
    throw unsupportedField('modalities', `The model '${body.model}' cannot speak.`);
  const maxTokens = body.max_completion_tokens ?? body.max_tokens;
  const topLogprobs = parseTopLogprobs(body);
  const toolOptions = parseTools(body, body.model);
  return {
    kind: 'generate',
    id: arrival.requestId,
    model: body.model,
    prompts: [{ type: 'chat', messages: parseMessages(body.messages, body.model) }],
    choiceCount: body.n ?? 1,
    sampling: parseSampling(body),
    ...(typeof maxTokens === 'number' ? { maxTokens } : {}),
    stop: parseStop(body.stop),
    constraint: parseConstraint(body.response_format),
    ...(toolOptions === undefined ? {} : { toolOptions }),
    ...(topLogprobs === undefined ? {} : { topLogprobs }),
    echoesPrompt: false,
    ignoresEnd: body.ignore_eos === true,
    timeLeftMs: arrival.timeLeftMs,
  };
}

function parseTopLogprobs(body: ChatBody): number | undefined {
  if (body.logprobs === true) return body.top_logprobs ?? 0;
  if (typeof body.top_logprobs !== 'number') return undefined;
  throw invalidField('top_logprobs', "'top_logprobs' is only allowed when 'logprobs' is true.");
}

function parseConstraint(format: ChatBody['response_format']): OutputConstraint {
  if (!format || format.type === 'text') return { type: 'text' };
  if (format.type === 'json_object') return { type: 'json-object' };
  return { type: 'json-schema', schema: format.json_schema.schema, param: 'response_format.json_schema.schema' };
}
