import { z } from 'zod';

/** Whatever an upstream says is checked before it is believed; fields that nobody reads may be anything. */
const LONGEST_PIECE = 1 << 20;
const MOST_ENTRIES = 4096;
const text = z.string().max(LONGEST_PIECE);
const index = z.int().min(0).max(4095);
const tokens = z.int().min(0).max(Number.MAX_SAFE_INTEGER);
const bytes = z.array(z.int().min(0).max(255)).max(MOST_ENTRIES);

const alternative = z.object({ token: text, logprob: z.number(), bytes: bytes.nullish() });
const chatLogprobs = z.object({
  content: z
    .array(alternative.extend({ logprob: z.number().nullable(), top_logprobs: z.array(alternative).max(64).nullish() }))
    .max(MOST_ENTRIES)
    .nullish(),
});
export type WireToken = NonNullable<z.infer<typeof chatLogprobs>['content']>[number];
export type WireAlternative = z.infer<typeof alternative>;

const toolCall = z.object({
  index: z.int().min(0).max(127).nullish(),
  id: z.string().max(256).nullish(),
  function: z.object({ name: z.string().max(256).nullish(), arguments: text.nullish() }).nullish(),
});
export type WireToolCall = z.infer<typeof toolCall>;

const usage = z.object({
  prompt_tokens: tokens,
  completion_tokens: tokens.nullish(),
  prompt_tokens_details: z.object({ cached_tokens: tokens.nullish() }).nullish(),
});
export type WireUsage = z.infer<typeof usage>;

const finishReason = z.string().max(64).nullish();

/** A chunk of a chat completion. */
export const chatChunk = z.object({
  choices: z
    .array(
      z.object({
        index,
        delta: z
          .object({
            content: text.nullish(),
            refusal: text.nullish(),
            tool_calls: z.array(toolCall).max(128).nullish(),
          })
          .nullish(),
        logprobs: chatLogprobs.nullish(),
        finish_reason: finishReason,
      }),
    )
    .max(128)
    .nullish(),
  usage: usage.nullish(),
});
export type ChatChunk = z.infer<typeof chatChunk>;

const columns = z.object({
  tokens: z.array(text).max(MOST_ENTRIES),
  token_logprobs: z.array(z.number().nullable()).max(MOST_ENTRIES),
  top_logprobs: z.array(z.record(z.string(), z.number()).nullable()).max(MOST_ENTRIES).nullish(),
});
export type WireColumns = z.infer<typeof columns>;

/** A chunk of a text completion. */
export const completionChunk = z.object({
  choices: z
    .array(z.object({ index, text: text.nullish(), logprobs: columns.nullish(), finish_reason: finishReason }))
    .max(128)
    .nullish(),
  usage: usage.nullish(),
});
export type CompletionChunk = z.infer<typeof completionChunk>;

/** Vectors; some upstreams answer in base64 whatever was asked for. */
export const embeddingAnswer = z.object({
  data: z
    .array(z.object({ index, embedding: z.union([z.array(z.number()).min(1).max(65_536), z.base64().min(4).max(400_000)]) }))
    .max(4096),
  usage: usage.nullish(),
});
export type EmbeddingAnswer = z.infer<typeof embeddingAnswer>;

/** An error, in a body of its own or in the middle of a stream. */
export const errorAnswer = z.object({
  error: z.union([
    z.string(),
    z.object({ message: z.string().nullish(), code: z.union([z.string(), z.number()]).nullish(), type: z.string().nullish() }),
  ]),
});
