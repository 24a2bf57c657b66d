import { z } from 'zod';
import type { JsonObject, Tool, ToolChoice, ToolOptions } from '../../../core/inference/index.ts';
import { invalidField, unsupportedField } from './generation-fields.ts';

const MOST_TOOLS = 128;
export const identifier = z
  .string()
  .regex(/^[A-Za-z0-9_-]{1,64}$/)
  .describe("1 to 64 letters, digits, '_' or '-'");

/** JSON as it came; checked no further than that it is an object. */
const jsonObject = z.custom<JsonObject>().meta({ type: 'object' });

const functionFields = z.looseObject({
  name: identifier,
  description: z.string().nullish(),
  parameters: jsonObject.nullish(),
  strict: z.boolean().nullish(),
});
const toolSchema = z.discriminatedUnion('type', [
  z.looseObject({ type: z.literal('function'), function: functionFields }),
  z.looseObject({ type: z.literal('custom') }),
]);
const named = z.looseObject({ name: z.string() });
const choiceObject = z.looseObject({
  type: z.enum(['function', 'custom', 'allowed_tools']),
  function: named.nullish(),
  allowed_tools: z
    .looseObject({
      mode: z.enum(['auto', 'required']),
      tools: z.array(z.looseObject({ type: z.string(), function: named.nullish() })).min(1),
    })
    .nullish(),
});

/** Fields about tools, the deprecated ones about functions included. */
export const toolFields = {
  tools: z.array(toolSchema).max(MOST_TOOLS).nullish(),
  tool_choice: z.union([z.string(), choiceObject]).nullish(),
  parallel_tool_calls: z.boolean().nullish(),
  functions: z.array(functionFields).max(MOST_TOOLS).nullish(),
  function_call: z.union([z.string(), named]).nullish(),
};

const toolBody = z.looseObject(toolFields);
type ToolBody = z.infer<typeof toolBody>;
type ChoiceObject = z.infer<typeof choiceObject>;

/** Tools in own words; absent when the request has none. Throws with `param` for tools that cannot be used. */
export function parseTools(body: ToolBody, model: string): ToolOptions | undefined {
  const tools = collectTools(body, model);
  const choice = parseChoice(body, model);
  if (tools.length === 0) {
    if (choice.type === 'auto' || choice.type === 'none') return undefined;
    throw invalidField('tool_choice', "'tool_choice' is only allowed when 'tools' are specified.");
  }
  requireUniqueNames(tools);
  const allowed = allowedNames(body.tool_choice);
  for (const name of choice.type === 'named' ? [choice.name] : allowed) requireKnownTool(tools, name);
  return {
    tools: allowed.length === 0 ? tools : tools.filter((tool) => allowed.includes(tool.name)),
    choice,
    allowsParallel: body.parallel_tool_calls !== false && !usesFunctions(body),
  };
}

/** The request speaks the deprecated form, so the answer does. */
export function usesFunctions(body: ToolBody): boolean {
  return (body.functions ?? []).length > 0;
}

function collectTools(body: ToolBody, model: string): Tool[] {
  const tools = body.tools ?? [];
  if (tools.length > 0 && usesFunctions(body))
    throw invalidField('functions', "'functions' is not allowed together with 'tools'.");
  if (usesFunctions(body)) return (body.functions ?? []).map(toTool);
  return tools.map((tool, index) => {
    if (tool.type === 'function') return toTool(tool.function);
    throw unsupportedField(
      `tools[${index}].type`,
      `The model '${model}' cannot use custom tools; 'function' tools are supported.`,
    );
  });
}

function toTool(fields: z.infer<typeof functionFields>): Tool {
  const { name, description, parameters, strict } = fields;
  return {
    name,
    ...(typeof description === 'string' ? { description } : {}),
    ...(parameters === undefined || parameters === null ? {} : { parameters }),
    isStrict: strict === true,
  };
}

function parseChoice(body: ToolBody, model: string): ToolChoice {
  const value = usesFunctions(body) ? (body.function_call ?? 'auto') : (body.tool_choice ?? 'auto');
  const param = usesFunctions(body) ? 'function_call' : 'tool_choice';
  if (typeof value === 'string') return parseChoiceWord(value, param);
  if (!isChoiceObject(value)) return { type: 'named', name: value.name };
  return parseChoiceObject(value, model);
}

function parseChoiceWord(word: string, param: 'function_call' | 'tool_choice'): ToolChoice {
  if (word === 'auto' || word === 'none') return { type: word };
  if (word === 'required' && param === 'tool_choice') return { type: 'required' };
  const words = param === 'tool_choice' ? "'none', 'auto', 'required'" : "'none', 'auto'";
  throw invalidField(param, `'${param}' must be one of ${words} or an object, but '${word.slice(0, 40)}' came.`);
}

function isChoiceObject(value: ChoiceObject | { name: string }): value is ChoiceObject {
  return 'type' in value && typeof value.type === 'string';
}

function parseChoiceObject(value: ChoiceObject, model: string): ToolChoice {
  if (value.type === 'custom') throw unsupportedField('tool_choice.type', `The model '${model}' cannot use custom tools.`);
  if (value.type === 'allowed_tools') {
    if (!value.allowed_tools) throw missing('tool_choice.allowed_tools');
    return { type: value.allowed_tools.mode };
  }
  if (!value.function) throw missing('tool_choice.function');
  return { type: 'named', name: value.function.name };
}

function allowedNames(choice: ToolBody['tool_choice']): string[] {
  if (choice === undefined || choice === null || typeof choice === 'string') return [];
  return (choice.allowed_tools?.tools ?? []).flatMap((tool) => (tool.function ? [tool.function.name] : []));
}

function missing(param: string): Error {
  return invalidField(param, `Missing required parameter: '${param}'; an object was expected.`);
}

function requireKnownTool(tools: readonly Tool[], name: string): void {
  if (tools.some((tool) => tool.name === name)) return;
  const known = tools.map((tool) => `'${tool.name}'`).join(', ');
  throw invalidField('tool_choice', `'tool_choice' names the tool '${name.slice(0, 64)}', but the request has only ${known}.`);
}

function requireUniqueNames(tools: readonly Tool[]): void {
  const seen = new Set<string>();
  for (const tool of tools) {
    if (seen.has(tool.name)) throw invalidField('tools', `Tool names must be unique, but '${tool.name}' came twice.`);
    seen.add(tool.name);
  }
}
