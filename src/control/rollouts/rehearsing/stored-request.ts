import { z } from 'zod';
import { PlinthError } from '../../../core/errors/index.ts';
import { tensorDatatypes, type InferenceRequest, type JsonObject, type JsonValue } from '../../../core/inference/index.ts';

/** Characters of all texts of a kept request. */
const MOST_CHARACTERS = 65_536;
/** Bytes of all tensors of a kept request. */
const MOST_TENSOR_BYTES = 262_144;
const MOST_ITEMS = 1024;

const text = z.string().max(MOST_CHARACTERS);
const list = <T extends z.ZodType>(item: T) => z.array(item).max(MOST_ITEMS);
const json = z.json() as z.ZodType<JsonValue>;
const object = z.record(z.string(), json) as z.ZodType<JsonObject>;
const head = {
  id: z.string().max(200),
  model: z.string().min(1).max(200),
  version: z.string().max(20).exactOptional(),
  timeLeftMs: z.number().positive(),
};

const textPrompt = z.strictObject({ type: z.literal('text'), text, suffix: text.exactOptional() });
const call = z.strictObject({ id: z.string().max(200), name: z.string().max(200), arguments: text });
const message = z.strictObject({
  role: z.enum(['system', 'user', 'assistant', 'tool']),
  content: text,
  name: text.exactOptional(),
  toolCalls: list(call).exactOptional(),
  toolCallId: z.string().max(200).exactOptional(),
});
const tool = z.strictObject({
  name: z.string().max(200),
  description: text.exactOptional(),
  parameters: object.exactOptional(),
  isStrict: z.boolean(),
});
const toolChoice = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('auto') }),
  z.strictObject({ type: z.literal('none') }),
  z.strictObject({ type: z.literal('required') }),
  z.strictObject({ type: z.literal('named'), name: z.string().max(200) }),
]);
const sampling = z.strictObject({
  temperature: z.number().min(0).max(100),
  topP: z.number().min(0).max(1),
  topK: z.int().min(0),
  minP: z.number().min(0).max(1),
  seed: z
    .int()
    .min(0)
    .max(2 ** 32 - 1)
    .exactOptional(),
  presencePenalty: z.number(),
  frequencyPenalty: z.number(),
  repeatPenalty: z.number(),
  logitBias: list(z.tuple([z.int().min(0), z.number().min(-100).max(100)])),
});
const constraint = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('text') }),
  z.strictObject({ type: z.literal('json-object') }),
  z.strictObject({ type: z.literal('json-schema'), schema: json, param: z.string().max(200) }),
]);
const scale = z.enum(['logit', 'probability']);
const overlong = z.enum(['cut', 'refuse']);

const requestSchema = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('generate'),
    ...head,
    prompts: list(
      z.discriminatedUnion('type', [z.strictObject({ type: z.literal('chat'), messages: list(message) }), textPrompt]),
    ),
    choiceCount: z.int().min(1).max(128),
    sampling,
    maxTokens: z.int().min(0).exactOptional(),
    stop: list(text),
    constraint,
    toolOptions: z.strictObject({ tools: list(tool), choice: toolChoice, allowsParallel: z.boolean() }).exactOptional(),
    topLogprobs: z.int().min(0).max(100).exactOptional(),
    echoesPrompt: z.boolean(),
    ignoresEnd: z.boolean(),
    answerStart: text.exactOptional(),
  }),
  z.strictObject({
    kind: z.literal('embed'),
    ...head,
    inputs: list(textPrompt),
    dimensions: z.int().min(1).exactOptional(),
    overlong: z.literal('cut').exactOptional(),
  }),
  z.strictObject({
    kind: z.literal('score'),
    ...head,
    pairs: list(z.strictObject({ first: text, second: text })),
    scale,
    overlong,
  }),
  z.strictObject({
    kind: z.literal('classify'),
    ...head,
    inputs: list(z.strictObject({ text, pair: text.exactOptional() })),
    scale,
    overlong,
  }),
  z.strictObject({
    kind: z.literal('tensors'),
    ...head,
    inputs: list(
      z.strictObject({
        name: z.string().max(1000),
        datatype: z.enum(tensorDatatypes),
        shape: z.array(z.int().min(0)).max(16),
        data: z
          .base64()
          .max(MOST_TENSOR_BYTES * 2)
          .transform((encoded): Uint8Array => new Uint8Array(Buffer.from(encoded, 'base64'))),
      }),
    ),
    outputs: list(z.string().max(1000)).exactOptional(),
    parameters: z.record(z.string(), z.union([text, z.number(), z.boolean()])),
    priority: z.int().min(0).exactOptional(),
    queueTimeoutUs: z.number().min(0).exactOptional(),
  }),
]);

/** Whether a request is small enough to be kept. Pictures, sound and sequences never are: they cannot be redacted, or not be asked again. */
export function isKeepable(request: InferenceRequest): boolean {
  if (request.kind === 'recognize' || request.kind === 'transcribe') return false;
  if (request.kind === 'tensors') {
    const bytes = request.inputs.reduce((sum, { data }) => sum + data.byteLength, 0);
    return bytes <= MOST_TENSOR_BYTES && request.sequence === undefined;
  }
  return charactersOf(request) <= MOST_CHARACTERS;
}

/** The request as JSON, bytes in base64. */
export function storeRequest(request: InferenceRequest): JsonObject {
  const plain =
    request.kind === 'tensors'
      ? { ...request, inputs: request.inputs.map((tensor) => ({ ...tensor, data: Buffer.from(tensor.data).toString('base64') })) }
      : request;
  return JSON.parse(JSON.stringify(plain)) as JsonObject;
}

/** Reads what {@link storeRequest} wrote, as strictly as a caller's request. Throws `invalid_request` naming the field. */
export function readStoredRequest(stored: JsonObject): InferenceRequest {
  const result = requestSchema.safeParse(stored);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const param = issue?.path.join('.') ?? '';
  throw new PlinthError({
    code: 'invalid_request',
    message: `The kept request cannot be read at '${param}': ${issue?.message}.`,
    param,
  });
}

/** Of everything in a request that is text; what it does not know counts by its JSON. */
function charactersOf(value: unknown): number {
  if (typeof value === 'string') return value.length;
  if (typeof value !== 'object' || value === null) return 1;
  return Object.values(value).reduce<number>((sum, item) => sum + charactersOf(item), 0);
}
