import { z } from 'zod';
import { PlinthError } from '../../../core/errors/index.ts';
import type { TranscribeRequest } from '../../../core/inference/index.ts';
import { compileWireSchema } from '../http/index.ts';
import { invalidField, type AudioForm } from './audio-form.ts';

export type TranscriptFormat = 'json' | 'text' | 'srt' | 'verbose_json' | 'vtt';

const schema = z.looseObject({
  model: z.string().min(1),
  language: z.string().max(100).nullish(),
  prompt: z.string().nullish(),
  response_format: z.enum(['json', 'text', 'srt', 'verbose_json', 'vtt', 'diarized_json']).nullish(),
  temperature: z.number().min(0).max(1).nullish(),
  timestamp_granularities: z
    .array(z.enum(['word', 'segment']))
    .max(8)
    .nullish(),
  stream: z.boolean().nullish(),
  include: z.array(z.string()).nullish(),
});
type Fields = z.infer<typeof schema>;

const check: (fields: unknown) => Fields = compileWireSchema(schema);

/** What is wanted of an audio file. */
export interface TranscriptionWish {
  readonly model: string;
  readonly format: TranscriptFormat;
  readonly isStreamed: boolean;
  readonly granularities: ReadonlySet<'word' | 'segment'>;
  readonly language: string | undefined;
  readonly prompt: string | undefined;
  readonly temperature: number;
}

/** Reads the fields of a form. Throws `invalid_request` or `unsupported_capability`, with `param`. */
export function parseWish(form: AudioForm['fields']): TranscriptionWish {
  const fields = check(typed(form));
  const format = formatOf(fields);
  const isStreamed = fields.stream === true;
  if (fields.include?.includes('logprobs') === true)
    throw unsupported('include', `The model '${fields.model}' does not report log-probabilities of tokens here.`);
  if (isStreamed && (format === 'srt' || format === 'vtt'))
    throw invalidField('stream', `A transcript cannot be streamed as '${format}'; 'json', 'text' or 'verbose_json' can.`);
  return {
    model: fields.model,
    format,
    isStreamed,
    granularities: granularitiesOf(fields, format),
    language: textOf(fields.language),
    prompt: textOf(fields.prompt),
    temperature: fields.temperature ?? 0,
  };
}

/** A wish and its audio in own words. */
export function toRequest(
  wish: TranscriptionWish,
  audio: Uint8Array,
  head: Pick<TranscribeRequest, 'id' | 'timeLeftMs' | 'task'>,
): TranscribeRequest {
  return {
    kind: 'transcribe',
    ...head,
    model: wish.model,
    audio,
    ...(wish.language === undefined ? {} : { language: wish.language }),
    ...(wish.prompt === undefined ? {} : { prompt: wish.prompt }),
    temperature: wish.temperature,
    timestamps: timestampsOf(wish),
  };
}

function timestampsOf({ format, granularities }: TranscriptionWish): TranscribeRequest['timestamps'] {
  if (granularities.has('word')) return 'word';
  return format === 'json' || format === 'text' ? 'none' : 'segment';
}

/** Forms know only texts. */
function typed(form: AudioForm['fields']): Record<string, unknown> {
  const { temperature, stream } = form;
  return {
    ...form,
    ...(typeof temperature === 'string' ? { temperature: numberOf(temperature) } : {}),
    ...(typeof stream === 'string' ? { stream: BOOLEANS[stream.toLowerCase()] ?? stream } : {}),
  };
}

const BOOLEANS: Readonly<Record<string, boolean>> = { true: true, false: false, '1': true, '0': false };

function numberOf(text: string): number | string {
  return text.trim() === '' || Number.isNaN(Number(text)) ? text : Number(text);
}

function textOf(text: string | null | undefined): string | undefined {
  return text === null || text?.trim() === '' ? undefined : text;
}

function formatOf({ response_format: format, model }: Fields): TranscriptFormat {
  if (format === 'diarized_json')
    throw unsupported('response_format', `The model '${model}' cannot tell speakers apart, so 'diarized_json' is not possible.`);
  return format ?? 'json';
}

function granularitiesOf(fields: Fields, format: TranscriptFormat): ReadonlySet<'word' | 'segment'> {
  const asked = fields.timestamp_granularities ?? [];
  if (asked.length > 0 && format !== 'verbose_json')
    throw invalidField(
      'timestamp_granularities',
      "'timestamp_granularities' is only allowed when 'response_format' is 'verbose_json'.",
    );
  return new Set(asked.length === 0 ? (['segment'] as const) : asked);
}

function unsupported(param: string, message: string): PlinthError {
  return new PlinthError({ code: 'unsupported_capability', message, param });
}
