import { PlinthError } from '../../../core/errors/index.ts';
import type { JsonValue } from '../../../core/inference/index.ts';
import { BoundedInterpreter } from './bounded-interpreter.ts';
import { JinjaEnvironmentClass } from './jinja-library.ts';
import { declareGlobals } from './template-globals.ts';
import { FuelMeter, TemplateLimitError, TemplateRefusal } from './template-limits.ts';
import { readTemplate, type TemplateSyntax } from './template-syntax.ts';

/** What a template sees; messages and tools in the shape of the transformers library. */
export interface TemplateInputs {
  readonly messages: readonly JsonValue[];
  readonly tools?: readonly JsonValue[];
  readonly addGenerationPrompt: boolean;
  readonly bosToken: string;
  readonly eosToken: string;
  /** What `strftime_now` tells. */
  readonly now: Date;
}

/** A compiled chat template; renders within fixed limits of work, processor time and memory. */
export interface ChatTemplate {
  /** It prints tool definitions and calls by itself, in the `<tool_call>` form. */
  readonly handlesTools: boolean;
  /**
   * @throws PlinthError `invalid_template` naming the limit or the fault; `invalid_request` with the template's own words when it refuses
   * the conversation.
   */
  render(inputs: TemplateInputs): string;
}

/** For models that bring no template: the form that most small chat models know. */
const chatMl =
  "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>\\n' }}{% endfor %}" +
  "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}";

/**
 * Compiles a model's Jinja chat template; ChatML when the model has none (`undefined` or blank).
 * @throws PlinthError `invalid_template` naming the limit or the fault.
 */
export function compileTemplate(source: string | undefined): ChatTemplate {
  const written = source === undefined || source.trim() === '' ? chatMl : source;
  const syntax = inTemplateWords(() => readTemplate(written));
  const renderWith = (absentTools: null | readonly []) => (inputs: TemplateInputs) =>
    inTemplateWords(() => renderTemplate(syntax, inputs, absentTools));
  // Most templates ask whether tools are none; some that were written for tools alone run over them unasked.
  const render = isAnswered(renderWith(null)) || !isAnswered(renderWith([])) ? renderWith(null) : renderWith([]);
  return { handlesTools: mentionsTools(written, syntax) && writesOurCalls(render), render };
}

function renderTemplate(syntax: TemplateSyntax, inputs: TemplateInputs, absentTools: null | readonly []): string {
  const environment = new JinjaEnvironmentClass();
  const meter = new FuelMeter(inputs.messages.length);
  declareGlobals(environment, meter, inputs.now);
  environment.set('messages', inputs.messages);
  environment.set('tools', inputs.tools ?? absentTools);
  environment.set('add_generation_prompt', inputs.addGenerationPrompt);
  environment.set('bos_token', inputs.bosToken);
  environment.set('eos_token', inputs.eosToken);
  return String(new BoundedInterpreter(environment, { syntax, meter }).run(syntax.program).value);
}

function mentionsTools(source: string, syntax: TemplateSyntax): boolean {
  return syntax.identifiers.has('tools') && source.includes('<tool_call>');
}

const trial = { addGenerationPrompt: true, bosToken: '', eosToken: '', now: new Date(0) };

function isAnswered(render: ChatTemplate['render']): boolean {
  return rendersTrial(render, { ...trial, messages: [{ role: 'user', content: 'Hi' }] }) !== undefined;
}

/** Whether a tool that is offered reaches the prompt, and a call is written the way that the grammar and the parser have it. */
function writesOurCalls(render: ChatTemplate['render']): boolean {
  const name = 'offered_for_trial';
  const tool = { type: 'function', function: { name, description: '', parameters: { type: 'object', properties: {} } } };
  const call = { id: 'call_000000000', type: 'function', function: { name, arguments: { a: 1 } } };
  const question = { role: 'user', content: 'Hi' };
  const answer = { role: 'assistant', content: '', tool_calls: [call] };
  const offered = rendersTrial(render, { ...trial, messages: [question], tools: [tool] });
  const called = rendersTrial(render, { ...trial, messages: [question, answer, { role: 'tool', content: '1' }] });
  return offered?.includes(name) === true && new RegExp(`<tool_call>\\s*\\{\\s*"name"\\s*:\\s*"${name}"`).test(called ?? '');
}

function rendersTrial(render: ChatTemplate['render'], inputs: TemplateInputs): string | undefined {
  try {
    return render(inputs);
  } catch {
    return undefined;
  }
}

function inTemplateWords<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw templateError(error);
  }
}

function templateError(error: unknown): PlinthError {
  if (error instanceof TemplateRefusal)
    return new PlinthError({ code: 'invalid_request', message: error.message, param: 'messages' });
  const problem = error instanceof TemplateLimitError ? error.message : faultOf(error);
  return new PlinthError({ code: 'invalid_template', message: `The model's chat template ${problem}.` }, { cause: error });
}

function faultOf(error: unknown): string {
  if (error instanceof RangeError) return 'is nested too deeply or makes a text too long';
  const words = error instanceof Error ? error.message : String(error);
  // The library's own signals of break and continue have no words.
  return words === '' ? 'breaks or continues outside of a loop' : `is at fault: ${words.slice(0, 200)}`;
}
