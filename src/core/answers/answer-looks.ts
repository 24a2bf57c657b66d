import type { InferenceEvent, InferenceRequest } from '../inference/index.ts';
import type { Observation, Outcome } from '../messages/index.ts';
import { OutputLooks } from './output-shape.ts';
import { isRefusal, REFUSAL_CHARACTERS } from './refusal.ts';

/** What an answer looks like, without its content: a refusal, where it is text, or the shape of its output. */
export type Looks = Pick<Observation, 'isRefusal' | 'output'>;

/** Gathers the looks of one answer as its events pass. */
export class AnswerLooks {
  readonly #isText: boolean;
  readonly #output = new OutputLooks();
  #beginning = '';

  constructor(request: InferenceRequest) {
    this.#isText = request.kind === 'generate';
  }

  take(event: InferenceEvent): void {
    if (!this.#isText) this.#output.take(event);
    else if (event.type === 'text-delta' && event.choice === 0 && this.#beginning.length < REFUSAL_CHARACTERS)
      this.#beginning += event.text;
  }

  tell(outcome: Outcome): Looks {
    if (this.#isText) return outcome === 'ok' ? { isRefusal: isRefusal(this.#beginning) } : {};
    const output = this.#output.shape();
    return output === undefined ? {} : { output };
  }
}

/** The looks of an answer that was kept, as an observation tells them. */
export function looksOfAnswer(
  request: InferenceRequest,
  { outcome, events }: { readonly outcome: Outcome; readonly events: readonly InferenceEvent[] },
): Looks {
  const looks = new AnswerLooks(request);
  for (const event of events) looks.take(event);
  return looks.tell(outcome);
}
