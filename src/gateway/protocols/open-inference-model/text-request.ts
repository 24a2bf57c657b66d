import { refuse } from '../open-inference-tensors/index.ts';
import type { PlanParts } from './inference-plan.ts';
import type { OptionValue } from './language-options.ts';
import { readValues } from './text-inputs.ts';

const TEXT_NAME = 'text_input';
const MOST_OPTION_VALUES = 64;

export interface TextRequest {
  readonly texts: readonly string[];
  /** Options by name: those that came as inputs, else those that came as parameters. */
  readonly given: ReadonlyMap<string, OptionValue>;
}

/** The texts and options of a call to a model that reads texts. Throws `invalid_request`. */
export function readTextRequest({ model, command }: PlanParts, { mostTexts }: { readonly mostTexts: number }): TextRequest {
  const given = new Map<string, OptionValue>(command.parameters);
  let texts: readonly string[] | undefined;
  for (const tensor of command.inputs) {
    if (tensor.name !== TEXT_NAME && !model.inputs.some(({ name }) => name === tensor.name) && !isAlias(tensor.name))
      throw refuse(`unexpected inference input '${tensor.name}' for model '${model.name}'`);
    if (tensor.name !== TEXT_NAME) {
      given.set(tensor.name, readValues(tensor, MOST_OPTION_VALUES));
      continue;
    }
    if (tensor.datatype !== 'BYTES')
      throw refuse(`inference input '${TEXT_NAME}' data-type is '${tensor.datatype}', but model '${model.name}' expects 'BYTES'`);
    texts = readValues(tensor, mostTexts).map(String);
  }
  if (texts === undefined || texts.length === 0)
    throw refuse(
      `expected 1 inputs but got ${command.inputs.length} inputs for model '${model.name}'. Got input(s) [], but missing required input(s) ['${TEXT_NAME}']. Please provide all required input(s).`,
    );
  return { texts, given };
}

/** Inputs that language models of other engines have; what they ask for is the default here. */
const ALIASES: ReadonlySet<string> = new Set(['stop_words', 'random_seed', 'end_id', 'pad_id', 'beam_width']);

function isAlias(name: string): boolean {
  return ALIASES.has(name);
}
