import { z } from 'zod';
import type { ChatMessage, ToolCall } from '../../../core/inference/index.ts';
import { invalidField, unsupportedField } from './generation-fields.ts';

const textPart = z.looseObject({ type: z.literal('text'), text: z.string() });
const refusalPart = z.looseObject({ type: z.literal('refusal'), refusal: z.string() });
const mediaPart = z.looseObject({ type: z.enum(['image_url', 'input_audio', 'file']) });
const part = z.discriminatedUnion('type', [textPart, refusalPart, mediaPart]);
const content = z.union([z.string(), z.array(part).min(1)]);
const name = z.string().nullish();

const functionCall = z.looseObject({ name: z.string().min(1), arguments: z.string() });
const toolCall = z.looseObject({
  id: z.string().min(1),
  type: z.string().nullish(),
  function: functionCall.nullish(),
});

const assistant = z.looseObject({
  role: z.literal('assistant'),
  content: content.nullish(),
  refusal: z.string().nullish(),
  name,
  tool_calls: z.array(toolCall).nullish(),
  function_call: functionCall.nullish(),
});

/** One message of a chat request, by role. */
export const messageSchema = z.discriminatedUnion('role', [
  z.looseObject({ role: z.enum(['system', 'developer', 'user']), content, name }),
  assistant,
  z.looseObject({ role: z.literal('tool'), content, tool_call_id: z.string().min(1) }),
  z.looseObject({ role: z.literal('function'), content: content.nullable(), name: z.string().min(1) }),
]);

type Message = z.infer<typeof messageSchema>;
type AssistantMessage = z.infer<typeof assistant>;
type Content = z.infer<typeof content>;
type Part = z.infer<typeof part>;

/** Messages in own words. Throws `unsupported_capability` for what the model cannot take in, `invalid_request` for what makes no sense. */
export function parseMessages(messages: readonly Message[], model: string): ChatMessage[] {
  return messages.map((message, index) => parseMessage(message, { path: `messages[${index}]`, model }));
}

interface Place {
  readonly path: string;
  readonly model: string;
}

function parseMessage(message: Message, place: Place): ChatMessage {
  const text = joinContent(message.content ?? '', place);
  switch (message.role) {
    case 'assistant':
      return parseAssistant(message, text, place);
    case 'tool':
      return { role: 'tool', content: text, toolCallId: message.tool_call_id };
    case 'function':
      return { role: 'tool', content: text, name: message.name };
    default:
      return { role: message.role === 'user' ? 'user' : 'system', content: text, ...nameOf(message) };
  }
}

function parseAssistant(message: AssistantMessage, text: string, place: Place): ChatMessage {
  const toolCalls = parseToolCalls(message, place);
  const refusal = message.refusal ?? '';
  const isEmpty = (message.content ?? undefined) === undefined && refusal === '' && toolCalls.length === 0;
  if (isEmpty) {
    throw invalidField(
      `${place.path}.content`,
      `'${place.path}.content' must be a string or an array unless 'tool_calls' is given, but null came.`,
    );
  }
  return {
    role: 'assistant',
    content: text === '' ? refusal : text,
    ...nameOf(message),
    ...(toolCalls.length === 0 ? {} : { toolCalls }),
  };
}

function parseToolCalls(message: AssistantMessage, place: Place): ToolCall[] {
  const calls = (message.tool_calls ?? []).map((call, index) => {
    const path = `${place.path}.tool_calls[${index}]`;
    if (call.type === 'custom') throw unsupportedField(`${path}.type`, `The model '${place.model}' cannot use custom tools.`);
    if (call.function === undefined || call.function === null) {
      throw invalidField(`${path}.function`, `Missing required parameter: '${path}.function'; an object was expected.`);
    }
    return { id: call.id, name: call.function.name, arguments: call.function.arguments };
  });
  const old = message.function_call;
  if (old !== undefined && old !== null) calls.push({ id: `call_${calls.length}`, name: old.name, arguments: old.arguments });
  return calls;
}

function nameOf(message: { name?: string | null | undefined }): { name?: string } {
  return typeof message.name === 'string' ? { name: message.name } : {};
}

const PART_SEPARATOR = '\n';

function joinContent(value: Content, place: Place): string {
  if (typeof value === 'string') return value;
  return value.map((one, index) => textOf(one, `${place.path}.content[${index}]`, place.model)).join(PART_SEPARATOR);
}

const SENSES = { image_url: 'see images', input_audio: 'hear audio', file: 'read files' } as const;

function textOf(one: Part, path: string, model: string): string {
  if (one.type === 'text') return one.text;
  if (one.type === 'refusal') return one.refusal;
  throw unsupportedField(path, `The model '${model}' cannot ${SENSES[one.type]}; only text content is supported.`);
}
