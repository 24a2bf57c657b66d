import { PlinthError } from '../../core/errors/index.ts';
import type { Tool, ToolOptions } from '../../core/inference/index.ts';
import { callTags } from './call-tags.ts';
import {
  anyObject,
  chars,
  choice,
  empty,
  Grammar,
  isNever,
  rule,
  sequence,
  text,
  type CharRange,
  type Expression,
} from './grammar/index.ts';
import { compileSchema, withLimits } from './json-schema/index.ts';

/** Against a model that calls for ever. */
const mostCalls = 8;

/**
 * A GBNF grammar for text that must (`required`, `named`) or may (`auto`) call tools, in the form
 * `<tool_call>\n{"name": "…", "arguments": {…}}\n</tool_call>`. A named tool is called once. With `auto`, any text may stand before the calls or instead of them. Not
 * to be asked for with choice `none`. A schema that cannot be expressed is refused where its tool is strict or a call is forced;
 * otherwise its arguments are any object.
 * @throws PlinthError `unsupported_schema` with `param` `tools[i].function.parameters`.
 */
export function toolCallGrammar(options: ToolOptions): string {
  const printed = withLimits('tools', () => {
    const grammar = new Grammar();
    const calls = callsExpression(grammar, options);
    grammar.define('root', options.choice.type === 'auto' ? textOrCalls(grammar, calls) : sequence([text(callTags.open), calls]));
    return grammar.print();
  });
  if (printed !== undefined) return printed;
  throw new PlinthError({
    code: 'unsupported_schema',
    message: 'No tool can be called: their parameters contradict themselves.',
    param: 'tools',
  });
}

/** Everything after the first opening tag. */
function callsExpression(grammar: Grammar, options: ToolOptions): Expression {
  const { choice: wanted } = options;
  const offered = options.tools
    .map((tool, index) => ({ tool, param: `tools[${index}].function.parameters` }))
    .filter(({ tool }) => wanted.type !== 'named' || tool.name === wanted.name);
  const bodies = offered.map(({ tool, param }) => {
    const head = text(`\n{"name": ${JSON.stringify(tool.name)}, "arguments": `);
    return sequence([head, argumentsExpression(grammar, tool, { param, isForced: wanted.type !== 'auto' })]);
  });
  const call = grammar.named('call', sequence([choice(bodies), text(`}\n${callTags.close}`)]));
  if (!options.allowsParallel || wanted.type === 'named' || isNever(call)) return call;
  const further = grammar.named('further', sequence([text(`\n${callTags.open}`), call]));
  return sequence([call, grammar.repeat(further, 0, mostCalls - 1)]);
}

function argumentsExpression(grammar: Grammar, tool: Tool, at: { param: string; isForced: boolean }): Expression {
  if (tool.parameters === undefined) return text('{}');
  try {
    return compileSchema(grammar, { schema: tool.parameters, param: at.param, type: 'object' });
  } catch (error) {
    if (at.isForced || tool.isStrict || !(error instanceof PlinthError)) throw error;
    return anyObject(grammar);
  }
}

/**
 * Any text, and calls as soon as the opening tag has been written: one rule for each number of the tag's characters just seen. Only its
 * first character is `<`, so a mismatch falls back to none or one.
 */
function textOrCalls(grammar: Grammar, calls: Expression): Expression {
  const seen = (count: number): Expression => rule(count === 0 ? 'text' : `tag-${count}`);
  [...callTags.open].forEach((char, count) => {
    const next = count + 1 === callTags.open.length ? calls : seen(count + 1);
    const restart = count === 0 ? [] : [sequence([text('<'), seen(1)])];
    const other = sequence([chars(allBut(count === 0 ? ['<'] : ['<', char])), seen(0)]);
    grammar.define(count === 0 ? 'text' : `tag-${count}`, choice([sequence([text(char), next]), ...restart, other, empty]));
  });
  return seen(0);
}

function allBut(excluded: readonly string[]): CharRange[] {
  const codes = excluded.map((char) => char.charCodeAt(0)).toSorted((a, b) => a - b);
  const starts = [1, ...codes.map((code) => code + 1)];
  return starts.map((start, index): CharRange => [start, (codes[index] ?? 0x110000) - 1]).filter(([low, high]) => low <= high);
}
