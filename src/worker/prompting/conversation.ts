import type { ChatMessage, JsonObject, JsonValue, Tool, ToolOptions } from '../../core/inference/index.ts';

/** What a caller wrote, ready for a template, with each text passed through a coding. */
export interface Conversation {
  readonly messages: readonly ChatMessage[];
  /** Offered tools; empty when there are none or the model is not to see them. */
  readonly tools: readonly Tool[];
  readonly isCallForced: boolean;
}

/** Every text that came from outside, keys of objects included, passed through `encode`. */
export function encodeConversation(
  messages: readonly ChatMessage[],
  options: ToolOptions | undefined,
  encode: (text: string) => string,
): Conversation {
  const tools = options === undefined || options.choice.type === 'none' ? [] : options.tools;
  return {
    messages: messages.map((message) => encodeMessage(message, encode)),
    tools: tools.map((tool) => ({
      ...tool,
      name: encode(tool.name),
      ...(tool.description === undefined ? {} : { description: encode(tool.description) }),
      ...(tool.parameters === undefined ? {} : { parameters: encodeObject(tool.parameters, encode) }),
    })),
    isCallForced: options?.choice.type === 'required' || options?.choice.type === 'named',
  };
}

function encodeMessage(message: ChatMessage, encode: (text: string) => string): ChatMessage {
  const { toolCalls, toolCallId, name } = message;
  return {
    role: message.role,
    content: encode(message.content),
    ...(name === undefined ? {} : { name: encode(name) }),
    ...(toolCallId === undefined ? {} : { toolCallId: encode(toolCallId) }),
    ...(toolCalls === undefined
      ? {}
      : {
          toolCalls: toolCalls.map((call) => ({
            id: encode(call.id),
            name: encode(call.name),
            arguments: encodeArguments(call.arguments, encode),
          })),
        }),
  };
}

/** Through the parsed value: an escape in the JSON text must not hide a token's name from the coding. */
function encodeArguments(text: string, encode: (text: string) => string): string {
  const value = parseArguments(text);
  return value === undefined ? encode(text) : JSON.stringify(encodeObject(value, encode));
}

/** The arguments of a call as an object; undefined when the text is none. */
export function parseArguments(text: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function encodeObject(value: JsonObject, encode: (text: string) => string): JsonObject {
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [encode(key), encodeValue(item, encode)]));
}

function encodeValue(value: JsonValue, encode: (text: string) => string): JsonValue {
  if (typeof value === 'string') return encode(value);
  if (Array.isArray(value)) return value.map((item: JsonValue) => encodeValue(item, encode));
  return isObject(value) ? encodeObject(value, encode) : value;
}
