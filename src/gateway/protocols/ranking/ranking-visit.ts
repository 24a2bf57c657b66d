import type { FastifyReply } from 'fastify';
import { PlinthError } from '../../../core/errors/index.ts';
import type { InferenceEvent, InferenceRequest } from '../../../core/inference/index.ts';
import type { RoutedModel } from '../../../core/messages/index.ts';
import type { Capability } from '../../../core/models/index.ts';
import { foldEvents } from '../http/index.ts';
import type { Call, InferenceDoor } from '../inference-door.ts';
import { requireCapability } from '../openai/index.ts';
import { chooseOnlyModel } from './choose-only-model.ts';

/** A rerank of more documents, or a batch of more texts, is refused before it is tokenised. */
export const MOST_TEXTS = 2048;
/** Says how scores were found when no model read both texts together. */
const RANKED_BY = 'x-plinth-ranked-by';

/** One HTTP request at a ranking endpoint. */
export interface RankingVisit {
  readonly door: InferenceDoor;
  readonly call: Call;
  /** Parsed JSON, unchecked. */
  readonly body: unknown;
  readonly reply: FastifyReply;
}

/** Everything that came of a request, by the index of its input. */
export interface RankingResult {
  readonly scores: readonly number[];
  readonly rankedBy: 'cross-encoder' | 'embedding';
  readonly classes: ReadonlyArray<Extract<InferenceEvent, { type: 'classification' }>['classes']>;
  readonly vectors: ReadonlyArray<Uint8Array>;
  readonly promptTokens: number;
}

/** The id and the time that a request of core words begins with. */
export function headOf(call: Call, model: RoutedModel): { id: string; model: string; timeLeftMs: number } {
  const timeLeftMs = Math.max(0, Math.round(call.deadlineMs - performance.now()));
  return { id: call.requestId, model: model.name, timeLeftMs };
}

/** What a model must be able to do, and how much it has to read. */
export interface RankingWish {
  readonly kind: 'score' | 'classify' | 'embed';
  readonly promptCharacters: () => number;
}

/**
 * The version that answers; where a dialect lets callers leave the model out, of the only one that can. Throws `model_not_found`,
 * `unsupported_capability`, and `invalid_request` when several could be meant.
 */
export function modelOf({ door, call }: RankingVisit, name: string | null | undefined, wish: RankingWish): RoutedModel {
  const { model } = door.choose({ name: name ?? chooseOnlyModel(door.models(call), wish.kind), ...wish }, call);
  requireCapability(model, wish.kind satisfies Capability, 'model');
  return model;
}

export function charactersOf(texts: readonly string[]): number {
  return texts.reduce((sum, text) => sum + text.length, 0);
}

/**
 * Runs a request to its end; undefined when nobody waits for the answer any more. Throws the failure when there is one, and
 * `engine_failed` when one of `count` answers is missing.
 */
export async function runRanking(
  visit: RankingVisit,
  request: InferenceRequest,
  count: number,
): Promise<RankingResult | undefined> {
  const { door, call, reply } = visit;
  const result = new ResultCollector();
  const events = door.infer(request, { ...call, isFolded: true });
  const isAwaited = await foldEvents(events, reply.raw, (event) => result.take(event));
  if (!isAwaited) {
    reply.hijack();
    return undefined;
  }
  if (result.count !== count)
    throw new PlinthError({ code: 'engine_failed', message: `The model gave ${result.count} answers, expected ${count}.` });
  if (request.kind === 'score') reply.header(RANKED_BY, result.rankedBy);
  return result;
}

class ResultCollector implements RankingResult {
  readonly scores: number[] = [];
  readonly classes: Array<RankingResult['classes'][number]> = [];
  readonly vectors: Uint8Array[] = [];
  rankedBy: RankingResult['rankedBy'] = 'cross-encoder';
  promptTokens = 0;
  readonly #seen = new Set<number>();

  get count(): number {
    return this.#seen.size;
  }

  take(event: InferenceEvent): void {
    if (event.type === 'usage-report') this.promptTokens = event.usage.promptTokens;
    if (event.type !== 'score' && event.type !== 'classification' && event.type !== 'embedding') return;
    this.#seen.add(event.index);
    if (event.type === 'classification') this.classes[event.index] = event.classes;
    if (event.type === 'embedding') this.vectors[event.index] = event.values;
    if (event.type !== 'score') return;
    this.scores[event.index] = event.score;
    this.rankedBy = event.by;
  }
}
