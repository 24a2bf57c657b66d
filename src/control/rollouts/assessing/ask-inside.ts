import type { EmbedRequest, GenerateRequest, InferenceEvent, InferenceRequest, Prompt } from '../../../core/inference/index.ts';
import { greedySampling } from '../../../core/inference/index.ts';
import type { InferencePort } from '../../../core/messages/index.ts';
import { readAnswer, type Answer } from './read-answer.ts';

/** Longest wait for an answer that only an assessment wants. */
const ASK_MS = 60_000;
/** Characters of a text that is embedded; models read less. */
const MOST_EMBEDDED = 8_000;

let asked = 0;

/** A model, and which of its versions; its own choice when absent. */
export interface AskedModel {
  readonly model: string;
  readonly version?: string;
}

/** A request for text that control asks for itself: greedy, one choice, plain text, unless `fields` say otherwise. */
export function insideRequest(of: AskedModel, prompt: Prompt, fields: Partial<GenerateRequest> = {}): GenerateRequest {
  return {
    kind: 'generate',
    ...insideHead(of),
    prompts: [prompt],
    choiceCount: 1,
    sampling: greedySampling,
    stop: [],
    constraint: { type: 'text' },
    echoesPrompt: false,
    ignoresEnd: false,
    ...fields,
  };
}

/** All events of an answer. Never throws: a port that breaks its word has failed. */
export async function gatherEvents(
  inference: InferencePort,
  request: InferenceRequest,
  signal?: AbortSignal,
): Promise<readonly InferenceEvent[]> {
  const events: InferenceEvent[] = [];
  try {
    for await (const event of inference.infer(request, signal)) events.push(event);
  } catch {
    events.push({ type: 'failed', error: { code: 'internal_error', message: 'The answer broke off.' } });
  }
  return events;
}

/** The answer, or undefined when it did not end well. */
export async function askInside(
  inference: InferencePort,
  request: InferenceRequest,
  signal?: AbortSignal,
): Promise<Answer | undefined> {
  return readAnswer(request, await gatherEvents(inference, request, signal));
}

/** The vectors of texts in their order, asked for in one request; undefined when the model does not give them. */
export async function embedTexts(
  inference: InferencePort,
  of: AskedModel,
  texts: readonly string[],
): Promise<readonly Float32Array[] | undefined> {
  const inputs = texts.map((text) => ({ type: 'text', text: text.slice(0, MOST_EMBEDDED) || ' ' }) as const);
  const request: EmbedRequest = { kind: 'embed', ...insideHead(of), inputs, overlong: 'cut' };
  const vectors = (await askInside(inference, request))?.vectors;
  return vectors?.length === texts.length && vectors.every(({ length }) => length > 0) ? vectors : undefined;
}

function insideHead({ model, version }: AskedModel) {
  asked += 1;
  return { id: `inside-${asked}`, model, timeLeftMs: ASK_MS, ...(version === undefined ? {} : { version }) };
}
