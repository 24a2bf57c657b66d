import { randomUUID } from 'node:crypto';
import type { AlternativeToken, FinishReason, InferenceEvent, TokenLogprobs, Usage } from '../../../core/inference/index.ts';
import {
  chatChunk,
  completionChunk,
  type ChatChunk,
  type CompletionChunk,
  type WireAlternative,
  type WireColumns,
  type WireToken,
  type WireToolCall,
  type WireUsage,
} from './wire-shapes.ts';
import { unreadable } from './upstream-failure.ts';

/** Turns the chunks of an upstream's stream into events, in order. Throws `engine_failed` for what is none. */
export class GenerationEvents {
  readonly #choiceCount: number;
  readonly #finished = new Set<number>();
  /** Calls whose id and name have been told, as `choice/index`. */
  readonly #toldCalls = new Set<string>();
  /** Choices that called a function. */
  readonly #callers = new Set<number>();
  #usage: Usage | undefined;

  constructor(choiceCount: number) {
    this.#choiceCount = choiceCount;
  }

  /** Every choice has its end. */
  get isComplete(): boolean {
    return this.#finished.size === this.#choiceCount;
  }

  /** What the upstream counted; absent where it did not tell. */
  get usage(): Usage | undefined {
    return this.#usage;
  }

  takeChat(chunk: unknown): readonly InferenceEvent[] {
    const { choices, usage } = checked<ChatChunk>(chatChunk.safeParse(chunk));
    this.#takeUsage(usage);
    const events: InferenceEvent[] = [];
    for (const { index, delta, logprobs, finish_reason: reason } of choices ?? []) {
      const text = (delta?.content ?? '') + (delta?.refusal ?? '');
      const calls = (delta?.tool_calls ?? []).map((call, place) => this.#toCallDelta(index, call, place));
      this.#add(events, {
        choice: index,
        deltas: [...textDelta(index, text, logprobs?.content?.map(toTokenLogprobs)), ...calls],
        reason,
      });
    }
    return events;
  }

  takeCompletion(chunk: unknown): readonly InferenceEvent[] {
    const { choices, usage } = checked<CompletionChunk>(completionChunk.safeParse(chunk));
    this.#takeUsage(usage);
    const events: InferenceEvent[] = [];
    for (const { index, text, logprobs, finish_reason: reason } of choices ?? []) {
      const deltas = textDelta(index, text ?? '', logprobs ? fromColumns(logprobs) : undefined);
      this.#add(events, { choice: index, deltas, reason });
    }
    return events;
  }

  /** After the end of a choice some upstreams send empty pieces of it. */
  #add(events: InferenceEvent[], { choice, deltas, reason }: ChoicePiece): void {
    if (choice >= this.#choiceCount) throw unreadable('a choice that was not asked for');
    if (this.#finished.has(choice)) {
      if (deltas.length > 0) throw unreadable('more of a choice that had ended');
      return;
    }
    events.push(...deltas);
    if (reason === undefined || reason === null || reason === '') return;
    this.#finished.add(choice);
    events.push({ type: 'choice-finished', choice, reason: toFinishReason(reason, this.#callers.has(choice)) });
  }

  #toCallDelta(choice: number, call: WireToolCall, place: number): InferenceEvent {
    const index = call.index ?? place;
    const key = `${choice}/${index}`;
    const argumentsText = call.function?.arguments ?? '';
    if (this.#toldCalls.has(key)) return { type: 'tool-call-delta', choice, index, argumentsText };
    this.#toldCalls.add(key);
    this.#callers.add(choice);
    const name = call.function?.name ?? '';
    if (name === '') throw unreadable('a call of a function without a name');
    return { type: 'tool-call-delta', choice, index, id: call.id || `call_${randomUUID()}`, name, argumentsText };
  }

  #takeUsage(usage: WireUsage | null | undefined): void {
    if (usage === undefined || usage === null) return;
    this.#usage = toUsage(usage);
  }
}

interface ChoicePiece {
  readonly choice: number;
  readonly deltas: readonly InferenceEvent[];
  readonly reason: string | null | undefined;
}

export function toUsage({ prompt_tokens, completion_tokens, prompt_tokens_details }: WireUsage): Usage {
  return {
    promptTokens: prompt_tokens,
    cachedTokens: Math.min(prompt_tokens, prompt_tokens_details?.cached_tokens ?? 0),
    completionTokens: completion_tokens ?? 0,
  };
}

/** What an upstream said, or `engine_failed` when it is not what was expected. The offending words stay untold. */
export function checked<T>(result: { readonly success: boolean; readonly data?: T | undefined }): T {
  if (result.success && result.data !== undefined) return result.data;
  throw unreadable('something else than was expected');
}

function textDelta(choice: number, text: string, logprobs: readonly TokenLogprobs[] | undefined): readonly InferenceEvent[] {
  if (logprobs !== undefined && logprobs.length > 0) return [{ type: 'text-delta', choice, text, logprobs }];
  return text === '' ? [] : [{ type: 'text-delta', choice, text }];
}

/** Some upstreams say `stop` also where a function is called. */
function toFinishReason(reason: string, hasCalled: boolean): FinishReason {
  if (reason === 'length') return 'length';
  return hasCalled || reason === 'tool_calls' || reason === 'function_call' ? 'tool-calls' : 'stop';
}

function toTokenLogprobs({ token, logprob, bytes, top_logprobs }: WireToken): TokenLogprobs {
  return { text: token, bytes: bytes ?? bytesOf(token), logprob, top: (top_logprobs ?? []).map(toAlternative) };
}

function toAlternative({ token, logprob, bytes }: WireAlternative): AlternativeToken {
  return { text: token, bytes: bytes ?? bytesOf(token), logprob };
}

function fromColumns({ tokens, token_logprobs, top_logprobs }: WireColumns): TokenLogprobs[] {
  return tokens.map((token, place) => ({
    ...spelledToken(token),
    logprob: token_logprobs[place] ?? null,
    top: Object.entries(top_logprobs?.[place] ?? {}).map(([text, logprob]) => ({ ...spelledToken(text), logprob })),
  }));
}

/** A token that is not whole characters is spelled `bytes:\xe2\x82`. */
function spelledToken(token: string): { readonly text: string; readonly bytes: readonly number[] } {
  const spelled = /^bytes:((?:\\x[0-9a-f]{2})+)$/.exec(token)?.[1];
  if (spelled === undefined) return { text: token, bytes: bytesOf(token) };
  const bytes = Buffer.from(spelled.replaceAll(String.raw`\x`, ''), 'hex');
  return { text: bytes.toString('utf8'), bytes: [...bytes] };
}

function bytesOf(text: string): readonly number[] {
  return [...Buffer.from(text, 'utf8')];
}
