import { z } from 'zod';
import { PlinthError } from '../../../core/errors/index.ts';
import type { SamplingParameters } from '../../../core/inference/index.ts';

/** Absent and null mean the same to OpenAI's clients. */
const optionalNumber = (low: number, high: number) => z.number().min(low).max(high).nullish();
const optionalText = z.string().nullish();
const INT64 = 2 ** 63;
const MAX_INT32 = 2 ** 31 - 1;

/** OpenAI has no such field. llama.cpp's default, without which a small model at temperature 1 soon loses its thread. */
const DEFAULT_MIN_P = 0.05;

/** Fields that chat completions and completions have in common, with OpenAI's ranges. */
export const generationFields = {
  model: z.string().min(1),
  temperature: optionalNumber(0, 2),
  top_p: optionalNumber(0, 1),
  top_k: z.int().min(-1).nullish(),
  min_p: optionalNumber(0, 1),
  seed: z.number().min(-INT64).max(INT64).meta({ type: 'integer' }).nullish(),
  stop: z.union([z.string().min(1), z.array(z.string().min(1)).max(4)]).nullish(),
  n: z.int().min(1).max(128).nullish(),
  logit_bias: z.record(z.string(), z.number().min(-100).max(100)).nullish(),
  presence_penalty: optionalNumber(-2, 2),
  frequency_penalty: optionalNumber(-2, 2),
  repeat_penalty: z.number().positive().max(10).nullish(),
  repetition_penalty: z.number().positive().max(10).nullish(),
  stream: z.boolean().nullish(),
  stream_options: z.looseObject({ include_usage: z.boolean().nullish(), include_obfuscation: z.boolean().nullish() }).nullish(),
  ignore_eos: z.boolean().nullish(),
  user: optionalText,
};

const generationSchema = z.looseObject(generationFields);
export type GenerationBody = z.infer<typeof generationSchema>;

/** What a request brings along that is not in its body. */
export interface Arrival {
  readonly requestId: string;
  readonly timeLeftMs: number;
}

/** The fields that say how tokens are drawn; absent ones take OpenAI's defaults. Throws `invalid_request` with `param`. */
export function parseSampling(body: GenerationBody): SamplingParameters {
  return {
    temperature: body.temperature ?? 1,
    topP: body.top_p ?? 1,
    topK: Math.min(MAX_INT32, Math.max(0, body.top_k ?? 0)),
    minP: body.min_p ?? DEFAULT_MIN_P,
    ...(typeof body.seed === 'number' ? { seed: foldSeed(body.seed) } : {}),
    presencePenalty: body.presence_penalty ?? 0,
    frequencyPenalty: body.frequency_penalty ?? 0,
    repeatPenalty: body.repeat_penalty ?? body.repetition_penalty ?? 1,
    logitBias: parseLogitBias(body.logit_bias),
  };
}

export function parseStop(stop: GenerationBody['stop']): readonly string[] {
  if (typeof stop === 'string') return [stop];
  return stop ?? [];
}

/** Usage at the end of a stream was asked for. Throws when stream options come without a stream. */
export function parseIncludesUsage(body: GenerationBody): boolean {
  if (body.stream_options === undefined || body.stream_options === null) return false;
  if (body.stream !== true) throw invalidField('stream_options', "'stream_options' is only allowed when 'stream' is true.");
  return body.stream_options.include_usage === true;
}

export function invalidField(param: string, message: string): PlinthError {
  return new PlinthError({ code: 'invalid_request', message, param });
}

export function unsupportedField(param: string, message: string): PlinthError {
  return new PlinthError({ code: 'unsupported_capability', message, param });
}

const HIGH_WORD = 2 ** 32;
const GOLDEN_RATIO = 0x9e3779b1;

/** Seeds of 32 bits stay as they are; the others of OpenAI's 64-bit range are spread over them, always the same way. */
function foldSeed(seed: number): number {
  if (seed >= 0 && seed < HIGH_WORD) return seed;
  const word = BigInt.asUintN(64, BigInt(seed));
  const low = Number(word & 0xffff_ffffn);
  const high = Number(word >> 32n);
  return (low ^ Math.imul(high, GOLDEN_RATIO)) >>> 0;
}

function parseLogitBias(bias: GenerationBody['logit_bias']): SamplingParameters['logitBias'] {
  if (bias === undefined || bias === null) return [];
  return Object.entries(bias).map(([key, value]) => {
    const token = Number(key);
    if (/^\d{1,10}$/.test(key) && token <= MAX_INT32) return [token, value];
    throw invalidField(
      'logit_bias',
      `The keys of 'logit_bias' must be token ids (integers from 0), but '${key.slice(0, 40)}' came.`,
    );
  });
}
