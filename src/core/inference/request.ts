import type { Tensor, TensorParameter } from './tensor.ts';

/** A JSON value as it arrives from a caller. */
export type JsonValue = string | number | boolean | null | readonly JsonValue[] | { readonly [key: string]: JsonValue };
export type JsonObject = { readonly [key: string]: JsonValue };

/** A call that the model asked for in an earlier turn. */
export interface ToolCall {
  readonly id: string;
  readonly name: string;
  /** JSON text, as the model wrote it. */
  readonly arguments: string;
}

/** One turn of a conversation. Multi-part text has been joined by the protocol; other modalities never get here. */
export interface ChatMessage {
  readonly role: 'system' | 'user' | 'assistant' | 'tool';
  readonly content: string;
  readonly name?: string;
  readonly toolCalls?: readonly ToolCall[];
  /** On a `tool` message: the call that it answers. */
  readonly toolCallId?: string;
}

/** A function that the model may ask the caller to run. */
export interface Tool {
  readonly name: string;
  readonly description?: string;
  /** JSON Schema of the arguments object. Absent: an empty object. */
  readonly parameters?: JsonObject;
  readonly isStrict: boolean;
}

export type ToolChoice =
  | { readonly type: 'auto' }
  | { readonly type: 'none' }
  | { readonly type: 'required' }
  | { readonly type: 'named'; readonly name: string };

/** The tools of a request and how freely the model may use them. */
export interface ToolOptions {
  readonly tools: readonly Tool[];
  readonly choice: ToolChoice;
  readonly allowsParallel: boolean;
}

export type Prompt =
  | { readonly type: 'chat'; readonly messages: readonly ChatMessage[] }
  | { readonly type: 'text'; readonly text: string; readonly suffix?: string }
  | { readonly type: 'tokens'; readonly tokens: readonly number[] };

/** What shape the generated text must have. */
export type OutputConstraint =
  | { readonly type: 'text' }
  | { readonly type: 'json-object' }
  | { readonly type: 'json-schema'; readonly schema: JsonValue; readonly param: string };

/** Ranges are checked by the protocol; every field is set. */
export interface SamplingParameters {
  /** 0 is greedy. */
  readonly temperature: number;
  readonly topP: number;
  /** 0 keeps the whole vocabulary. */
  readonly topK: number;
  readonly minP: number;
  /** Unsigned 32-bit; absent means that the worker draws one. */
  readonly seed?: number;
  readonly presencePenalty: number;
  readonly frequencyPenalty: number;
  /** 1 is off. */
  readonly repeatPenalty: number;
  /** Token id → added logit, −100…100. */
  readonly logitBias: ReadonlyArray<readonly [token: number, bias: number]>;
}

/** What every request says. */
export interface RequestHead {
  readonly id: string;
  readonly model: string;
  /** A version of the model, as digits; the model's own choice when absent. */
  readonly version?: string;
  /** Time left when the request crosses a boundary, in milliseconds. */
  readonly timeLeftMs: number;
}

/** Text from a model: chat or completion, one or many prompts. */
export interface GenerateRequest extends RequestHead {
  readonly kind: 'generate';
  /** Each prompt yields `choiceCount` choices; choice index = prompt index × choiceCount + i. */
  readonly prompts: readonly Prompt[];
  readonly choiceCount: number;
  readonly sampling: SamplingParameters;
  /** Most tokens per choice. Absent: until the context is full. */
  readonly maxTokens?: number;
  readonly stop: readonly string[];
  readonly constraint: OutputConstraint;
  readonly toolOptions?: ToolOptions;
  /** Report log-probabilities with this many alternatives; 0 reports the chosen token only. Absent: none. */
  readonly topLogprobs?: number;
  /** Repeat the prompt before the generated text (with its log-probabilities when those are asked for). */
  readonly echoesPrompt: boolean;
  /** Keep generating after the model's end-of-text token; for benchmarks. */
  readonly ignoresEnd: boolean;
  /**
   * Text that counts as the beginning of every choice: read after the prompt as tokens of its own, never as control tokens. With
   * `echoesPrompt` it alone is repeated, so that a model tells how likely an answer is to it.
   */
  readonly answerStart?: string;
}

/** One vector of unit length for every input. */
export interface EmbedRequest extends RequestHead {
  readonly kind: 'embed';
  readonly inputs: ReadonlyArray<Exclude<Prompt, { type: 'chat' }>>;
  /** Keep the first so many values and normalise again. */
  readonly dimensions?: number;
  /** What happens to an input longer than the model reads: refused when absent. */
  readonly overlong?: 'cut';
}

/** How well the texts of each pair go together; answered by one `score` per pair. Reranking scores (query, document) pairs. */
export interface ScoreRequest extends RequestHead {
  readonly kind: 'score';
  readonly pairs: ReadonlyArray<{ readonly first: string; readonly second: string }>;
  /** `logit` as the model gives it; `probability` squeezed into 0…1. Scores of an embedding model are cosines either way. */
  readonly scale: 'logit' | 'probability';
  /** What happens to a pair longer than the model reads: the longer text is cut first, or the request refused. */
  readonly overlong: 'cut' | 'refuse';
}

/** The classes of each text (or pair of texts); answered by one `classification` per input. */
export interface ClassifyRequest extends RequestHead {
  readonly kind: 'classify';
  readonly inputs: ReadonlyArray<{ readonly text: string; readonly pair?: string }>;
  readonly scale: 'logit' | 'probability';
  readonly overlong: 'cut' | 'refuse';
}

/**
 * What is in a picture, in the words of the model: `classification` from a classifier, `object-found` from a detector, `text-found`
 * from a reader.
 */
export interface RecognizeRequest extends RequestHead {
  readonly kind: 'recognize';
  /** JPEG, PNG, WebP, GIF, TIFF or AVIF file. */
  readonly image: Uint8Array;
  /** Most classes or findings. */
  readonly top?: number;
  /** Least score of a finding, 0…1. */
  readonly threshold?: number;
}

/** Words from sound; answered by `transcript-segment`s in order of time and one `transcript-report`. */
export interface TranscribeRequest extends RequestHead {
  readonly kind: 'transcribe';
  /** WAV, MP3, FLAC, Ogg Vorbis or Ogg Opus file. */
  readonly audio: Uint8Array;
  /** `translate`: into English. */
  readonly task: 'transcribe' | 'translate';
  /** ISO 639-1; found out when absent. */
  readonly language?: string;
  /** Words that come before the audio, for spelling and style. */
  readonly prompt?: string;
  readonly temperature: number;
  readonly timestamps: 'none' | 'segment' | 'word';
}

/** Arrays in, arrays out; answered by `tensor`s and one `response-finished` per response. */
export interface TensorRequest extends RequestHead {
  readonly kind: 'tensors';
  readonly inputs: readonly Tensor[];
  /** Names of the wanted outputs; all when absent. */
  readonly outputs?: readonly string[];
  readonly parameters: Readonly<Record<string, Exclude<TensorParameter, bigint>>>;
  /** 1 is the most urgent; 0 or absent is the model's default. */
  readonly priority?: number;
  /** Longest wait in the queue, in µs, where the model's queue policy lets callers choose. */
  readonly queueTimeoutUs?: number;
  readonly sequence?: SequenceStep;
}

/** One request of a stateful sequence. */
export interface SequenceStep {
  /** Not empty and not `0`. `number` ids are decimal digits. */
  readonly id: string;
  readonly idType: 'number' | 'text';
  readonly isStart: boolean;
  readonly isEnd: boolean;
}

/** One inference call in own types, from any protocol. */
export type InferenceRequest =
  GenerateRequest | EmbedRequest | ScoreRequest | ClassifyRequest | RecognizeRequest | TranscribeRequest | TensorRequest;
