import type { GenerateRequest, InferenceRequest, JsonValue, Tool } from '../../../core/inference/index.ts';
import type { ComparisonScores } from '../verdict.ts';
import { checkSchema } from './check-schema.ts';
import { argumentsOf } from './compare-answers.ts';
import type { Answer, WrittenCall, WrittenChoice } from './read-answer.ts';

/**
 * Whether both answers have the structure that was asked for: JSON that fits the schema, calls of tools that exist with arguments
 * that fit. Absent where nothing was asked for. Where tools may be called freely an answer without a call is sound: whether it calls
 * the same is a matter of agreement.
 */
export function judgeStructure(
  request: InferenceRequest,
  answers: { readonly current: Answer; readonly candidate: Answer },
): ComparisonScores['structure'] {
  if (request.kind !== 'generate' || !wantsStructure(request, [answers.current, answers.candidate])) return undefined;
  return { current: isSound(request, answers.current), candidate: isSound(request, answers.candidate) };
}

function wantsStructure(request: GenerateRequest, answers: readonly Answer[]): boolean {
  if (request.constraint.type !== 'text' || mustCall(request)) return true;
  return answers.some(({ choices }) => choices.some(({ calls }) => calls.length > 0));
}

function mustCall({ toolOptions }: GenerateRequest): boolean {
  return toolOptions?.choice.type === 'required' || toolOptions?.choice.type === 'named';
}

function isSound(request: GenerateRequest, { choices }: Answer): boolean {
  return choices.length > 0 && choices.every((choice) => isSoundChoice(request, choice));
}

function isSoundChoice(request: GenerateRequest, { text, calls }: WrittenChoice): boolean {
  const { toolOptions, constraint } = request;
  if (mustCall(request) && calls.length === 0) return false;
  const { choice, tools = [] } = toolOptions ?? {};
  const isNamed = choice?.type !== 'named' || calls.every(({ name }) => name === choice.name);
  if (!isNamed || !calls.every((call) => isSoundCall(tools, call))) return false;
  if (constraint.type === 'text' || calls.length > 0) return true;
  const value = parseJson(text);
  if (value === undefined) return false;
  if (constraint.type === 'json-object') return typeof value === 'object' && value !== null && !Array.isArray(value);
  return checkSchema(constraint.schema, value) !== 'no';
}

function isSoundCall(tools: readonly Tool[], call: WrittenCall): boolean {
  const tool = tools.find(({ name }) => name === call.name);
  const given = argumentsOf(call);
  if (tool === undefined || typeof given !== 'object' || given === null || Array.isArray(given)) return false;
  return tool.parameters === undefined || checkSchema(tool.parameters, given as JsonValue) !== 'no';
}

function parseJson(text: string): JsonValue | undefined {
  try {
    return JSON.parse(text) as JsonValue;
  } catch {
    return undefined;
  }
}
