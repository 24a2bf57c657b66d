import type { TensorParameter } from '../../../core/inference/index.ts';
import { refuse } from '../open-inference-tensors/index.ts';
import type { InferParameter } from '../grpc/generated/index.ts';

type Parameters = Readonly<Record<string, InferParameter>>;
type Kind = 'boolParam' | 'int64Param' | 'stringParam' | 'doubleParam' | 'uint64Param';

const WORDS: Readonly<Record<Kind, string>> = {
  boolParam: 'bool_param',
  int64Param: 'int64_param',
  stringParam: 'string_param',
  doubleParam: 'double_param',
  uint64Param: 'uint64_param',
};

/** The kinds that the parameters known to the platform may have. */
const KINDS: Readonly<Record<string, readonly Kind[]>> = {
  sequence_id: ['int64Param', 'uint64Param', 'stringParam'],
  sequence_start: ['boolParam'],
  sequence_end: ['boolParam'],
  priority: ['int64Param', 'uint64Param'],
  timeout: ['int64Param'],
  triton_enable_empty_final_response: ['boolParam'],
};

const NONE: ReadonlyMap<string, TensorParameter> = new Map();

/** The parameters of a request. Throws `invalid_request` with Triton's words for a value of the wrong kind. */
export function readParameters(parameters: Parameters): ReadonlyMap<string, TensorParameter> {
  let found: Map<string, TensorParameter> | undefined;
  // A loop over the keys costs nothing when there are none, as is the rule.
  for (const name in parameters) {
    const choice = parameters[name]?.parameterChoice;
    if (choice === undefined || !Object.hasOwn(parameters, name)) continue;
    const kinds = Object.hasOwn(KINDS, name) ? KINDS[name] : undefined;
    if (choice.case === undefined || (kinds !== undefined && !kinds.includes(choice.case))) throw wrongKind(name, kinds);
    found ??= new Map();
    found.set(name, plainNumber(choice.value));
  }
  return found ?? NONE;
}

/** A whole number among the parameters of a tensor; undefined when it is not there. Throws `invalid_request` when it is something else. */
export function readWhole(parameters: Parameters, name: string): number | undefined {
  const choice = Object.hasOwn(parameters, name) ? parameters[name]?.parameterChoice : undefined;
  if (choice === undefined) return undefined;
  const isWhole = choice.case === 'int64Param' || choice.case === 'uint64Param';
  const value = isWhole ? Number(choice.value) : Number.NaN;
  if (Number.isSafeInteger(value) && value >= 0) return value;
  throw refuse(`invalid value type for '${name}' parameter, expected int64_param.`);
}

/** A text among the parameters of a tensor; undefined when it is not there. Throws `invalid_request` when it is something else. */
export function readText(parameters: Parameters, name: string): string | undefined {
  const choice = Object.hasOwn(parameters, name) ? parameters[name]?.parameterChoice : undefined;
  if (choice === undefined) return undefined;
  if (choice.case === 'stringParam') return choice.value;
  throw refuse(`invalid value type for '${name}' parameter, expected string_param.`);
}

function plainNumber(value: TensorParameter): TensorParameter {
  if (typeof value !== 'bigint') return value;
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

function wrongKind(name: string, kinds: readonly Kind[] = ['int64Param', 'boolParam', 'stringParam']): Error {
  const words = kinds.map((kind) => WORDS[kind]);
  const list = words.length > 1 ? `${words.slice(0, -1).join(', ')} or ${words.at(-1)}` : words[0];
  return refuse(`invalid value type for '${name.slice(0, 64)}' parameter, expected ${list}.`);
}
