import { Environment, Interpreter, parse, tokenize } from '@huggingface/jinja';

/** Types of what this room uses of the library: its own declarations do not resolve under `nodenext`. Read from version 0.5.11. */

/** A statement or an expression of a template; what else it holds depends on its `type`. */
export interface JinjaElement {
  readonly type: string;
}

/** A value while a template runs. Text is a string, a list an array, a mapping a Map, a function a function. */
export interface JinjaValue {
  readonly type: string;
  value: unknown;
  readonly builtins: ReadonlyMap<string, JinjaValue>;
}

export interface JinjaEnvironment {
  set(name: string, value: unknown): JinjaValue;
}

export interface JinjaInterpreter {
  run(program: JinjaElement): JinjaValue;
  /** Every statement and expression goes through here; `undefined` stands for a part of a slice that is not written. */
  evaluate(node: JinjaElement | undefined, environment: JinjaEnvironment): JinjaValue | undefined;
}

export const JinjaEnvironmentClass: new () => JinjaEnvironment = Environment;
export const JinjaInterpreterClass: new (environment: JinjaEnvironment) => JinjaInterpreter = Interpreter;

/** @throws Error, SyntaxError or RangeError when the source is no template. */
export function parseTemplate(source: string): JinjaElement {
  const program: JinjaElement = parse(tokenize(source, { lstrip_blocks: true, trim_blocks: true }));
  return program;
}
