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

/** Text from a model: chat or completion, one or many prompts. */
export interface GenerateRequest {
  readonly kind: 'generate';
  readonly id: string;
  readonly model: string;
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
  /** Time left when the request crosses a boundary, in milliseconds. */
  readonly timeLeftMs: number;
}

/** One vector of unit length for every input. */
export interface EmbedRequest {
  readonly kind: 'embed';
  readonly id: string;
  readonly model: string;
  readonly inputs: ReadonlyArray<Exclude<Prompt, { type: 'chat' }>>;
  /** Keep the first so many values and normalise again. */
  readonly dimensions?: number;
  readonly timeLeftMs: number;
}

/** One inference call in own types, from any protocol. */
export type InferenceRequest = GenerateRequest | EmbedRequest;
