import type {
  FinishReason,
  GenerateRequest,
  InferenceEvent,
  InferenceRequest,
  ScoredClass,
  Tensor,
} from '../../../core/inference/index.ts';

/** A call of a tool as it was written; `argumentsText` need not be sound JSON. */
export interface WrittenCall {
  readonly name: string;
  readonly argumentsText: string;
}

/** One of the answers to a prompt. */
export interface WrittenChoice {
  readonly text: string;
  readonly calls: readonly WrittenCall[];
  readonly reason?: FinishReason;
}

/** A thing found in a picture; `box` is left, top, right, bottom in pixels. */
export interface FoundObject {
  readonly label: string;
  readonly box: readonly [number, number, number, number];
}

/** What a stream of events has said, put together by kind of content. Lists are in order of index; what never came is left empty. */
export interface Answer {
  readonly choices: readonly WrittenChoice[];
  readonly vectors: readonly Float32Array[];
  readonly scores: readonly number[];
  readonly classifications: ReadonlyArray<readonly ScoredClass[]>;
  readonly objects: readonly FoundObject[];
  /** Text in a picture or sound, in the order in which it was found. */
  readonly foundText: string;
  readonly tensors: readonly Tensor[];
}

/** What is counted higher comes from no answer of this house. */
const MOST_ITEMS = 10_000;

interface OpenChoice {
  text: string;
  readonly calls: { name: string; argumentsText: string }[];
  reason?: FinishReason;
}

/** Puts an answer together; undefined when it did not end well. A prompt that was repeated before the answer is left out. */
export function readAnswer(request: InferenceRequest, events: readonly InferenceEvent[]): Answer | undefined {
  if (events.at(-1)?.type !== 'finished') return undefined;
  const choices: OpenChoice[] = [];
  const vectors: Float32Array[] = [];
  const scores: number[] = [];
  const classifications: (readonly ScoredClass[])[] = [];
  const objects: FoundObject[] = [];
  const lines: string[] = [];
  const tensors: Tensor[] = [];
  for (const event of events) {
    if ('index' in event && event.index >= MOST_ITEMS) continue;
    if (event.type === 'embedding') vectors[event.index] = floatsOf(event.values);
    else if (event.type === 'score') scores[event.index] = event.score;
    else if (event.type === 'classification') classifications[event.index] = event.classes;
    else if (event.type === 'object-found') objects.push({ label: event.label, box: event.box });
    else if (event.type === 'text-found') lines.push(event.text);
    else if (event.type === 'transcript-segment') lines.push(event.segment.text);
    else if (event.type === 'tensor') tensors.push(event.tensor);
    else addToChoice(choices, event);
  }
  return {
    choices: Array.from(choices, (choice, index) => closeChoice(request, choice, index)),
    vectors: Array.from(vectors, (vector) => vector ?? new Float32Array()),
    scores: Array.from(scores, (score) => score ?? NaN),
    classifications: Array.from(classifications, (classes) => classes ?? []),
    objects,
    foundText: lines.join('\n'),
    tensors,
  };
}

function addToChoice(choices: OpenChoice[], event: InferenceEvent): void {
  if (event.type !== 'text-delta' && event.type !== 'tool-call-delta' && event.type !== 'choice-finished') return;
  if (event.choice >= MOST_ITEMS) return;
  const choice = (choices[event.choice] ??= { text: '', calls: [] });
  if (event.type === 'text-delta') choice.text += event.text;
  if (event.type === 'choice-finished') choice.reason = event.reason;
  if (event.type !== 'tool-call-delta') return;
  const call = (choice.calls[event.index] ??= { name: '', argumentsText: '' });
  if (event.name !== undefined) call.name = event.name;
  call.argumentsText += event.argumentsText;
}

function closeChoice(request: InferenceRequest, choice: OpenChoice | undefined, index: number): WrittenChoice {
  if (choice === undefined) return { text: '', calls: [] };
  const text = request.kind === 'generate' ? withoutEcho(request, choice.text, index) : choice.text;
  return {
    text,
    calls: Array.from(choice.calls, (call) => call ?? { name: '', argumentsText: '' }),
    ...(choice.reason === undefined ? {} : { reason: choice.reason }),
  };
}

function withoutEcho(request: GenerateRequest, text: string, choice: number): string {
  if (!request.echoesPrompt) return text;
  const prompt = request.prompts[Math.floor(choice / request.choiceCount)];
  return prompt?.type === 'text' && text.startsWith(prompt.text) ? text.slice(prompt.text.length) : text;
}

function floatsOf(bytes: Uint8Array): Float32Array {
  return new Float32Array(new Uint8Array(bytes).buffer, 0, Math.floor(bytes.length / 4));
}
