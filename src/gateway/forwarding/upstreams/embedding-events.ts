import type { EmbedRequest, InferenceEvent } from '../../../core/inference/index.ts';
import { checked, toUsage } from './generation-events.ts';
import { unreadable } from './upstream-failure.ts';
import { embeddingAnswer, type EmbeddingAnswer } from './wire-shapes.ts';

/** An upstream's embeddings as events, each vector brought to unit length. Throws `engine_failed` when they are not those asked for. */
export function toEmbeddingEvents(body: unknown, request: EmbedRequest): readonly InferenceEvent[] {
  const { data, usage } = checked<EmbeddingAnswer>(embeddingAnswer.safeParse(body));
  const vectors = new Map(data.map(({ index, embedding }) => [index, toVector(embedding)]));
  const [width = 0] = [...vectors.values()].map((vector) => vector.length);
  const isWhole = request.inputs.every((_, index) => vectors.get(index)?.length === width);
  if (!isWhole || vectors.size !== request.inputs.length || width === 0) throw unreadable('other embeddings than were asked for');
  if (request.dimensions !== undefined && width !== request.dimensions) throw unreadable('vectors of another length');
  const events = [...vectors].map(([index, vector]): InferenceEvent => ({
    type: 'embedding',
    index,
    values: toUnitBytes(vector),
  }));
  return usage ? [...events, { type: 'usage-report', usage: { ...toUsage(usage), completionTokens: 0 } }] : events;
}

function toVector(embedding: string | readonly number[]): Float32Array {
  if (typeof embedding !== 'string') return Float32Array.from(embedding);
  const bytes = new Uint8Array(Buffer.from(embedding, 'base64'));
  if (bytes.byteLength % 4 !== 0) throw unreadable('a vector that is cut off');
  return new Float32Array(bytes.buffer);
}

function toUnitBytes(vector: Float32Array): Uint8Array {
  const length = Math.sqrt(vector.reduce((sum, value) => sum + value * value, 0));
  if (!Number.isFinite(length) || length === 0) throw unreadable('a vector without direction');
  return new Uint8Array(vector.map((value) => value / length).buffer);
}
