import type {
  ChatMessage,
  GenerateRequest,
  JsonValue,
  OutputConstraint,
  Tool,
  ToolChoice,
  ToolOptions,
} from '../../../core/inference/index.ts';

/** The fields that only conversations have: messages, tools, response format, log-probabilities. */
export function formatChatFields(request: GenerateRequest, messages: readonly ChatMessage[]): Record<string, unknown> {
  const { toolOptions, constraint, topLogprobs } = request;
  return {
    messages: messages.map(formatMessage),
    ...(toolOptions === undefined ? {} : formatTools(toolOptions)),
    ...(constraint.type === 'text' ? {} : { response_format: formatConstraint(constraint) }),
    ...(topLogprobs === undefined ? {} : { logprobs: true, top_logprobs: topLogprobs }),
  };
}

function formatMessage({ role, content, name, toolCalls = [], toolCallId }: ChatMessage): Record<string, unknown> {
  const calls = toolCalls.map((call) => ({
    id: call.id,
    type: 'function',
    function: { name: call.name, arguments: call.arguments },
  }));
  return {
    role,
    content: content === '' && calls.length > 0 ? null : content,
    ...(name === undefined ? {} : { name }),
    ...(calls.length === 0 ? {} : { tool_calls: calls }),
    ...(toolCallId === undefined ? {} : { tool_call_id: toolCallId }),
  };
}

function formatTools({ tools, choice, allowsParallel }: ToolOptions): Record<string, unknown> {
  return {
    tools: tools.map(formatTool),
    tool_choice: formatChoice(choice),
    ...(allowsParallel ? {} : { parallel_tool_calls: false }),
  };
}

function formatTool({ name, description, parameters, isStrict }: Tool): Record<string, unknown> {
  return {
    type: 'function',
    function: {
      name,
      ...(description === undefined ? {} : { description }),
      ...(parameters === undefined ? {} : { parameters }),
      ...(isStrict ? { strict: true } : {}),
    },
  };
}

function formatChoice(choice: ToolChoice): unknown {
  return choice.type === 'named' ? { type: 'function', function: { name: choice.name } } : choice.type;
}

function formatConstraint(constraint: Exclude<OutputConstraint, { type: 'text' }>): Record<string, unknown> {
  if (constraint.type === 'json-object') return { type: 'json_object' };
  const { schema } = constraint;
  const strict = isStrictSchema(schema, 0) ? { strict: true } : {};
  return { type: 'json_schema', json_schema: { name: 'answer', schema, ...strict } };
}

const DEEPEST_STRICT = 10;

/**
 * Whether OpenAI takes a schema as strict: every object closed, all of its properties required. Others it refuses when they are called
 * strict, and otherwise follows as well as it can.
 */
function isStrictSchema(schema: JsonValue | undefined, depth: number): boolean {
  if (depth > DEEPEST_STRICT) return false;
  if (Array.isArray(schema)) return schema.every((one: JsonValue) => isStrictSchema(one, depth));
  if (!isObject(schema)) return true;
  const { properties } = schema;
  if (isObject(properties)) {
    const required = Array.isArray(schema['required']) ? schema['required'] : [];
    const isClosed = schema['additionalProperties'] === false && Object.keys(properties).every((name) => required.includes(name));
    if (!isClosed || !Object.values(properties).every((one) => isStrictSchema(one, depth + 1))) return false;
  } else if (schema['type'] === 'object') return false;
  return [schema['items'], schema['anyOf'], ...Object.values(isObject(schema['$defs']) ? schema['$defs'] : {})].every((one) =>
    isStrictSchema(one, depth + 1),
  );
}

function isObject(value: JsonValue | undefined): value is { readonly [key: string]: JsonValue } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
