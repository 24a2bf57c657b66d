import { PlinthError } from '../../core/errors/index.ts';
import type { ToolOptions } from '../../core/inference/index.ts';

/**
 * A GBNF grammar for text that may (`auto`) or must (`required`, `named`) call tools, in the form
 * `<tool_call>\n{"name": "…", "arguments": {…}}\n</tool_call>`. Not to be asked for with choice `none`.
 * @throws PlinthError `unsupported_schema` with `param` `tools[i].function.parameters`.
 */
export function toolCallGrammar(options: ToolOptions): string {
  throw new PlinthError({ code: 'unsupported_schema', message: `not built: ${options.choice.type}` });
}
