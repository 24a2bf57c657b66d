import { PlinthError } from '../../../core/errors/index.ts';
import type { EmbedRequest, InferenceEvent, InferenceRequest, ScoreRequest } from '../../../core/inference/index.ts';
import type { Capability } from '../../../core/models/index.ts';
import { multiplyVectors, normalizeVector, poolTokens, type PoolingMode } from './pool-tokens.ts';
import { refuseKind, requireFinite, type PlannedText, type RowOutput, type TextItem, type TextWork } from './text-work.ts';

export interface EmbeddingWorkOptions {
  readonly dimensions: number;
  readonly pooling: PoolingMode;
  /** Stands before every text that is embedded. */
  readonly prompt: string;
}

/** Texts to vectors of unit length; the likeness of two texts is the cosine of theirs. */
export class EmbeddingWork implements TextWork {
  readonly capabilities: readonly Capability[] = ['embed', 'score'];
  readonly embeddingDimensions: number;
  readonly #options: EmbeddingWorkOptions;

  constructor(options: EmbeddingWorkOptions) {
    this.#options = options;
    this.embeddingDimensions = options.dimensions;
  }

  plan(request: InferenceRequest): readonly PlannedText[] {
    if (request.kind === 'embed') return this.#planEmbed(request);
    if (request.kind === 'score') return this.#planScore(request);
    return refuseKind(request, this.capabilities);
  }

  answer(item: TextItem, row: RowOutput): readonly InferenceEvent[] {
    const { request, encoded, index } = item;
    const tokens = encoded.ids.length;
    const { values, offset, width } = row;
    const pooled =
      row.perToken === 'yes'
        ? poolTokens({ values, offset, tokens, width }, this.#options.pooling)
        : values.slice(offset, offset + width);
    const vector = normalizeVector(requireFinite(pooled), request.kind === 'embed' ? request.dimensions : undefined);
    if (request.kind !== 'embed') {
      item.vector = vector;
      return [];
    }
    return [{ type: 'embedding', index, values: new Uint8Array(vector.buffer, vector.byteOffset, vector.byteLength) }];
  }

  conclude(request: InferenceRequest, items: readonly TextItem[]): readonly InferenceEvent[] {
    if (request.kind !== 'score') return [];
    const places = placesOf(request);
    return request.pairs.map(({ first, second }, index) => {
      const one = items[places.get(first) ?? -1]?.vector;
      const other = items[places.get(second) ?? -1]?.vector;
      if (one === undefined || other === undefined)
        throw new PlinthError({ code: 'engine_failed', message: 'The model made too few vectors.' });
      return { type: 'score', index, score: multiplyVectors(one, other), by: 'embedding' };
    });
  }

  probe(model: string): InferenceRequest {
    return { kind: 'embed', id: 'probe', model, inputs: [{ type: 'text', text: 'probe' }], timeLeftMs: 60_000 };
  }

  #planEmbed(request: EmbedRequest): readonly PlannedText[] {
    const { dimensions: most } = this.#options;
    if (request.dimensions !== undefined && request.dimensions > most) {
      const message = `'dimensions' must be at most ${most} for this model, but ${request.dimensions} came.`;
      throw new PlinthError({ code: 'invalid_request', message, param: 'dimensions' });
    }
    return request.inputs.map((input, index) => ({
      content: input.type === 'text' ? { type: 'text', text: this.#options.prompt + input.text } : input,
      param: request.inputs.length === 1 ? 'input' : `input[${index}]`,
      overlong: request.overlong ?? 'refuse',
    }));
  }

  /** Each text once: a query that is ranked against a hundred documents is read once. */
  #planScore(request: ScoreRequest): readonly PlannedText[] {
    return [...placesOf(request).keys()].map((text) => ({
      content: { type: 'text', text: this.#options.prompt + text },
      param: 'input',
      overlong: request.overlong,
    }));
  }
}

/** The different texts of the pairs, each with the place of its item. */
function placesOf(request: ScoreRequest): ReadonlyMap<string, number> {
  const places = new Map<string, number>();
  for (const { first, second } of request.pairs) {
    for (const text of [first, second]) if (!places.has(text)) places.set(text, places.size);
  }
  return places;
}
