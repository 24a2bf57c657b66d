import type { EmbedRequest, InferenceEvent } from '../../../core/inference/index.ts';
import { refuse, type InferenceResponse } from '../open-inference-tensors/index.ts';
import { blankResponse, checkOutputs, type InferencePlan, type PlanParts } from './inference-plan.ts';
import { readTextRequest } from './text-request.ts';

const MOST_TEXTS = 2048;

/** Texts that become vectors: one response with a row for each. */
export class EmbeddingPlan implements InferencePlan {
  readonly request: EmbedRequest;
  readonly isDecoupled = false;
  readonly #parts: PlanParts;
  readonly #vectors: Array<Uint8Array | undefined>;
  #missing: number;

  constructor(parts: PlanParts) {
    checkOutputs(parts);
    this.#parts = parts;
    const { texts, given } = readTextRequest(parts, { mostTexts: MOST_TEXTS });
    const dimensions = given.get('dimensions');
    if (dimensions !== undefined && !(typeof dimensions === 'number' && Number.isSafeInteger(dimensions) && dimensions > 0))
      throw refuse("'dimensions' must be a whole number from 1");
    if (texts.includes('')) throw refuse("'text_input' must not be empty");
    this.#vectors = texts.map(() => undefined);
    this.#missing = texts.length;
    this.request = {
      kind: 'embed',
      ...parts.head,
      inputs: texts.map((text) => ({ type: 'text', text })),
      ...(dimensions === undefined ? {} : { dimensions }),
    };
  }

  take(event: InferenceEvent): InferenceResponse | undefined {
    if (event.type !== 'embedding' || event.index >= this.#vectors.length) return undefined;
    if (this.#vectors[event.index] === undefined) this.#missing -= 1;
    this.#vectors[event.index] = event.values;
    return this.#missing > 0 ? undefined : this.#respond();
  }

  #respond(): InferenceResponse {
    const rows = this.#vectors.filter((row) => row !== undefined);
    const data = Buffer.concat(rows);
    const shape = [rows.length, rows.length === 0 ? 0 : data.byteLength / rows.length / Float32Array.BYTES_PER_ELEMENT];
    return { ...blankResponse(this.#parts), outputs: [{ name: 'embedding', datatype: 'FP32', shape, data }] };
  }
}
