import type { GenerateRequest, InferenceEvent } from '../../../core/inference/index.ts';
import { encodeBytesElements, refuse, type InferenceResponse } from '../open-inference-tensors/index.ts';
import { blankResponse, checkOutputs, emptyFinal, type InferencePlan, type PlanParts } from './inference-plan.ts';
import { readLanguageOptions, type OptionValue } from './language-options.ts';
import { readTextRequest } from './text-request.ts';

const MOST_OPTIONS_BYTES = 65_536;

/** A text that goes on: one response with all of it, or one for every piece. */
export class LanguagePlan implements InferencePlan {
  readonly request: GenerateRequest;
  readonly isDecoupled = true;
  readonly #parts: PlanParts;
  readonly #streams: boolean;
  #text = '';

  constructor(parts: PlanParts) {
    checkOutputs(parts);
    this.#parts = parts;
    const { texts, given } = readTextRequest(parts, { mostTexts: 1 });
    const options = readLanguageOptions(unfold(given));
    this.#streams = options.streams === true;
    this.request = {
      kind: 'generate',
      ...parts.head,
      prompts: texts.map((text) => ({ type: 'text', text })),
      choiceCount: 1,
      sampling: options.sampling,
      maxTokens: options.maxTokens,
      stop: options.stop,
      constraint: { type: 'text' },
      echoesPrompt: !(options.excludesInput ?? this.#streams),
      ignoresEnd: options.ignoresEnd,
    };
  }

  take(event: InferenceEvent): InferenceResponse | undefined {
    switch (event.type) {
      case 'text-delta':
        if (this.#streams) return event.text === '' ? undefined : this.#respond(event.text, { isFinal: false });
        this.#text += event.text;
        return undefined;
      case 'choice-finished':
        return this.#streams ? undefined : this.#respond(this.#text, { isFinal: true });
      case 'finished':
        return this.#streams ? emptyFinal(this.#parts) : undefined;
      default:
        return undefined;
    }
  }

  #respond(text: string, { isFinal }: { readonly isFinal: boolean }): InferenceResponse {
    const output = { name: 'text_output', datatype: 'BYTES', shape: [1], data: encodeBytesElements([text]) } as const;
    return { ...blankResponse(this.#parts), outputs: [output], isFinal };
  }
}

/** Options that came as JSON text in `sampling_parameters` stand behind those that came by themselves. */
function unfold(given: ReadonlyMap<string, OptionValue>): ReadonlyMap<string, OptionValue> {
  const packed = given.get('sampling_parameters');
  if (packed === undefined) return given;
  const text = Array.isArray(packed) ? (packed as readonly unknown[])[0] : packed;
  if (typeof text !== 'string' || text.length > MOST_OPTIONS_BYTES)
    throw refuse("'sampling_parameters' must be the text of a JSON object");
  if (text === '') return given;
  return new Map([...parseOptions(text), ...given]);
}

function parseOptions(text: string): Array<[string, OptionValue]> {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    throw refuse("'sampling_parameters' is not valid JSON");
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed))
    throw refuse("'sampling_parameters' must be a JSON object");
  return Object.entries(parsed).flatMap(([name, value]) => {
    if (value === null) return [];
    if (isOption(value)) return [[name, value]];
    throw refuse(`'${name.slice(0, 64)}' in 'sampling_parameters' must be a text, a number, a boolean or a list of texts`);
  });
}

function isOption(value: unknown): value is OptionValue {
  if (Array.isArray(value)) return value.every((one) => typeof one === 'string');
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';
}
