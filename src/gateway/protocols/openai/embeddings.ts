import { z } from 'zod';
import { PlinthError } from '../../../core/errors/index.ts';
import type { EmbedRequest, InferenceEvent, Usage } from '../../../core/inference/index.ts';
import { compileWireSchema } from '../http/index.ts';
import { parseTextInput, textInput } from './completion-request.ts';
import type { Arrival } from './generation-fields.ts';
import { formatSource, type AnswerSource } from './wire-shapes.ts';

const embeddingSchema = z.looseObject({
  model: z.string().min(1),
  input: textInput,
  encoding_format: z.enum(['float', 'base64']).nullish(),
  dimensions: z.int().min(1).nullish(),
  user: z.string().nullish(),
});

export type EmbeddingBody = z.infer<typeof embeddingSchema>;

/** Checks the body of an embedding request. Throws `invalid_request` with `param`. */
export const checkEmbeddingBody: (body: unknown) => EmbeddingBody = compileWireSchema(embeddingSchema);

/** A checked body in own words. */
export function parseEmbedding(body: EmbeddingBody, arrival: Arrival): EmbedRequest {
  return {
    kind: 'embed',
    id: arrival.requestId,
    model: body.model,
    inputs: parseTextInput(body.input, { field: 'input', emptyText: 'refused' }),
    ...(typeof body.dimensions === 'number' ? { dimensions: body.dimensions } : {}),
    timeLeftMs: arrival.timeLeftMs,
  };
}

/** Collects vectors, in whatever order they come, into one body with the order of the inputs. */
export class EmbeddingAnswer {
  readonly #source: AnswerSource;
  readonly #vectors: string[];
  readonly #isBase64: boolean;
  #usage: Usage | undefined;

  constructor(body: EmbeddingBody, inputCount: number, source: AnswerSource) {
    this.#source = source;
    this.#vectors = Array.from({ length: inputCount }, () => '');
    this.#isBase64 = body.encoding_format === 'base64';
  }

  take(event: InferenceEvent): void {
    if (event.type === 'usage-report') this.#usage = event.usage;
    if (event.type === 'embedding')
      this.#vectors[event.index] = this.#isBase64 ? toBase64(event.values) : toNumbers(event.values);
  }

  /** Throws when a vector is missing. */
  toBody(): string {
    if (this.#vectors.includes(''))
      throw new PlinthError({ code: 'engine_failed', message: 'The model made too few embeddings.' });
    const data = this.#vectors.map((vector, index) => `{"object":"embedding","index":${index},"embedding":${vector}}`);
    const tokens = this.#usage?.promptTokens ?? 0;
    const usage = `{"prompt_tokens":${tokens},"total_tokens":${tokens}${formatSource(this.#source)}}`;
    return `{"object":"list","data":[${data.join(',')}],"model":${JSON.stringify(this.#source.model)},"usage":${usage}}`;
  }
}

function toBase64(values: Uint8Array): string {
  return `"${Buffer.from(values.buffer, values.byteOffset, values.byteLength).toString('base64')}"`;
}

/** Copies first: a view of floats must begin at a multiple of four bytes. */
function toNumbers(values: Uint8Array): string {
  const numbers = new Float32Array(new Uint8Array(values).buffer);
  if (!numbers.every(Number.isFinite))
    throw new PlinthError({ code: 'engine_failed', message: 'The model made an embedding that is not finite.' });
  return `[${numbers.join(',')}]`;
}
