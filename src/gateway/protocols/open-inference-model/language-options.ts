import type { SamplingParameters } from '../../../core/inference/index.ts';
import { refuse } from '../open-inference-tensors/index.ts';
import type { PlainValue } from './text-inputs.ts';

/** An option as it came, from an input, a parameter or JSON. */
export type OptionValue = PlainValue | readonly PlainValue[];

/** How a text is to go on. */
export interface LanguageOptions {
  readonly sampling: SamplingParameters;
  readonly maxTokens: number;
  readonly stop: readonly string[];
  readonly ignoresEnd: boolean;
  /** Undefined when the caller did not say. */
  readonly streams: boolean | undefined;
  readonly excludesInput: boolean | undefined;
}

/** As Triton's language models have it: 16 tokens unless more are asked for. */
const DEFAULT_MAX_TOKENS = 16;
const DEFAULT_MIN_P = 0.05;
const MOST_STOPS = 64;
const MOST_TOKENS = 2 ** 31 - 1;

/** Names of other Triton language models for the same option. */
const OTHER_NAMES: ReadonlyMap<string, string> = new Map([
  ['stop_words', 'stop'],
  ['random_seed', 'seed'],
]);

/** Throws `invalid_request` for a value that is not what its option takes. Names that are no option are passed over. */
export function readLanguageOptions(given: ReadonlyMap<string, OptionValue>): LanguageOptions {
  const values = new Map<string, OptionValue>();
  for (const [name, value] of given) values.set(OTHER_NAMES.get(name) ?? name, value);
  const real = (name: string, fallback: number, range: Range): number => readReal(name, values.get(name), { fallback, range });
  const flag = (name: string): boolean | undefined => readFlag(name, values.get(name));
  real('beam_width', 1, [1, 1]);
  const seed = readSeed(values.get('seed'));
  return {
    sampling: {
      temperature: real('temperature', 1, [0, 2]),
      topP: real('top_p', 1, [0, 1]),
      topK: Math.max(0, Math.trunc(real('top_k', 0, [-1, MOST_TOKENS]))),
      minP: real('min_p', DEFAULT_MIN_P, [0, 1]),
      ...(seed === undefined ? {} : { seed }),
      presencePenalty: real('presence_penalty', 0, [-2, 2]),
      frequencyPenalty: real('frequency_penalty', 0, [-2, 2]),
      repeatPenalty: real('repetition_penalty', 1, [0.01, 10]),
      logitBias: [],
    },
    maxTokens: Math.trunc(real('max_tokens', DEFAULT_MAX_TOKENS, [0, MOST_TOKENS])),
    stop: readStop(values.get('stop')),
    ignoresEnd: flag('ignore_eos') === true,
    streams: flag('stream'),
    excludesInput: flag('exclude_input_in_output'),
  };
}

type Range = readonly [low: number, high: number];

/** Of a one-element list the element. */
function single(name: string, value: OptionValue): PlainValue {
  if (!Array.isArray(value)) return value as PlainValue;
  const [first, ...rest] = value as readonly PlainValue[];
  if (first !== undefined && rest.length === 0) return first;
  throw refuse(`'${name}' must be one value, but ${value.length} came`);
}

/** Numbers may come as text, because not every client can send a fraction as a parameter. A single-precision number is rounded. */
function readReal(name: string, value: OptionValue | undefined, rule: { fallback: number; range: Range }): number {
  if (value === undefined) return rule.fallback;
  const [low, high] = rule.range;
  const one = single(name, value);
  const number = typeof one === 'boolean' || one === '' ? Number.NaN : Number(one);
  if (number >= low && number <= high) return number;
  throw refuse(`'${name}' must be a number from ${low} to ${high}, but ${show(one)} came`);
}

function readFlag(name: string, value: OptionValue | undefined): boolean | undefined {
  if (value === undefined) return undefined;
  const one = single(name, value);
  if (typeof one === 'boolean') return one;
  if (one === 'true' || one === 'True') return true;
  if (one === 'false' || one === 'False') return false;
  throw refuse(`'${name}' must be true or false, but ${show(one)} came`);
}

/** The low 32 bits of whatever whole number it is. */
function readSeed(value: OptionValue | undefined): number | undefined {
  if (value === undefined) return undefined;
  const one = single('seed', value);
  if (typeof one === 'bigint') return Number(BigInt.asUintN(32, one));
  const number = typeof one === 'boolean' || one === '' ? Number.NaN : Number(one);
  if (Number.isSafeInteger(number)) return Number(BigInt.asUintN(32, BigInt(number)));
  throw refuse(`'seed' must be a whole number, but ${show(one)} came`);
}

function readStop(value: OptionValue | undefined): readonly string[] {
  if (value === undefined) return [];
  const texts = Array.isArray(value) ? (value as readonly PlainValue[]) : [value as PlainValue];
  if (texts.length > MOST_STOPS) throw refuse(`'stop' may have at most ${MOST_STOPS} texts, but ${texts.length} came`);
  return texts.flatMap((text) => {
    if (typeof text !== 'string') throw refuse(`'stop' must be text, but ${show(text)} came`);
    return text === '' ? [] : [text];
  });
}

function show(value: PlainValue): string {
  return typeof value === 'string' ? 'a text' : String(value);
}
