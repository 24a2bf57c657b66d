import type { ChatMessage, JsonObject, JsonValue, Tool, ToolCall } from '../../core/inference/index.ts';
import { parseArguments, type Conversation } from './conversation.ts';

/** What a template gets. */
export interface ConversationForm {
  readonly messages: readonly JsonObject[];
  readonly tools?: readonly JsonValue[];
}

/** For templates that know tools: messages and tools in the shape of the transformers library, which chat templates are written for. */
export function nativeForm({ messages, tools }: Conversation): ConversationForm {
  return {
    messages: messages.map((message) => ({
      role: message.role,
      content: message.content,
      ...(message.name === undefined ? {} : { name: message.name }),
      ...(message.toolCallId === undefined ? {} : { tool_call_id: message.toolCallId }),
      ...(message.toolCalls === undefined ? {} : { tool_calls: message.toolCalls.map(nativeCall) }),
    })),
    ...(tools.length === 0 ? {} : { tools: tools.map(nativeTool) }),
  };
}

/**
 * For templates that know roles and text only: tools are explained in the system message, calls are written into the assistant's text,
 * results become turns of the user, and neighbours of one role are joined, because many templates insist on turns that alternate.
 */
export function plainForm(conversation: Conversation): ConversationForm {
  const { messages, tools } = conversation;
  const isWithTools = tools.length > 0 || messages.some((message) => message.role === 'tool' || message.toolCalls !== undefined);
  const turns = messages.map(plainTurn);
  if (!isWithTools) return { messages: turns };
  const instructions = tools.length === 0 ? [] : [{ role: 'system', content: toolInstructions(conversation) }];
  const [system, others] = [turns.filter(isSystem), turns.filter((turn) => !isSystem(turn))];
  return { messages: joinNeighbours([...system, ...instructions, ...others]) };
}

/** For templates that refuse or leave out a system message: its text opens the first turn of the user. */
export function foldSystem({ messages, ...rest }: ConversationForm): ConversationForm {
  const system = messages.filter(isSystem).map((message) => String(message['content']));
  const others = messages.filter((message) => !isSystem(message));
  return { ...rest, messages: joinNeighbours([{ role: 'user', content: system.join('\n\n') }, ...others]) };
}

export function systemTextsOf({ messages }: ConversationForm): string[] {
  return messages.filter(isSystem).map((message) => String(message['content']));
}

function isSystem(message: JsonObject): boolean {
  return message['role'] === 'system';
}

function nativeCall(call: ToolCall): JsonObject {
  return {
    id: call.id,
    type: 'function',
    function: { name: call.name, arguments: parseArguments(call.arguments) ?? call.arguments },
  };
}

function nativeTool(tool: Tool): JsonObject {
  const parameters = tool.parameters ?? { type: 'object', properties: {} };
  return { type: 'function', function: { name: tool.name, description: tool.description ?? '', parameters } };
}

function plainTurn(message: ChatMessage): JsonObject {
  if (message.role === 'tool') return { role: 'user', content: `<tool_response>\n${message.content}\n</tool_response>` };
  const calls = (message.toolCalls ?? []).map(({ name, arguments: text }) => {
    return `<tool_call>\n{"name": ${JSON.stringify(name)}, "arguments": ${text}}\n</tool_call>`;
  });
  return { role: message.role, content: [message.content, ...calls].filter((part) => part !== '').join('\n') };
}

function toolInstructions({ tools, isCallForced }: Conversation): string {
  return [
    'These tools are at your service, one JSON document a line:',
    '<tools>',
    ...tools.map((tool) => JSON.stringify(nativeTool(tool))),
    '</tools>',
    'To use a tool, write a block of this form and nothing after it, one block for each call:',
    '<tool_call>',
    '{"name": "the tool\'s name", "arguments": {"argument": "value"}}',
    '</tool_call>',
    'What it returns is then told to you between <tool_response> and </tool_response>.',
    isCallForced ? 'Answer now with a tool call.' : 'Where no tool helps, answer in plain words.',
  ].join('\n');
}

function joinNeighbours(messages: readonly JsonObject[]): JsonObject[] {
  const joined: JsonObject[] = [];
  for (const message of messages) {
    const last = joined.at(-1);
    if (last === undefined || last['role'] !== message['role']) joined.push(message);
    else joined[joined.length - 1] = { ...last, content: `${String(last['content'])}\n\n${String(message['content'])}` };
  }
  return joined;
}
