import { PlinthError } from '../../../core/errors/index.ts';
import type { JsonValue } from '../../../core/inference/index.ts';
import { anyObject, Grammar, GrammarLimitError, type Expression } from '../grammar/index.ts';
import { SchemaCompiler } from './schema-compiler.ts';
import { SchemaDocument } from './schema-document.ts';

/** Options of {@link jsonSchemaToGrammar}. */
export interface SchemaGrammarOptions {
  /** Where the schema stands in the request, `response_format.json_schema.schema`; error messages continue this path. */
  readonly param: string;
}

/**
 * A GBNF grammar (llama.cpp, rule `root`) whose every sentence is JSON that validates against the schema (draft 2020-12). It may have
 * fewer sentences than the schema has values: properties and items that nothing declares are left out, white space is one blank at most.
 * @throws PlinthError `unsupported_schema` naming the keyword and its path, also when no value can validate.
 */
export function jsonSchemaToGrammar(schema: JsonValue, options: SchemaGrammarOptions): string {
  const grammar = new Grammar();
  const root = compileSchema(grammar, { schema, param: options.param });
  grammar.define('root', root);
  return printOrRefuse(grammar, options.param);
}

/** A GBNF grammar for any JSON object. */
export function jsonObjectGrammar(): string {
  const grammar = new Grammar();
  grammar.define('root', anyObject(grammar));
  return printOrRefuse(grammar, 'response_format');
}

/** The expression of a schema's JSON texts in a grammar that holds more. With `isObject` only objects are written. */
export function compileSchema(grammar: Grammar, options: { schema: JsonValue; param: string; type?: 'object' }): Expression {
  return withLimits(options.param, () => {
    const document = new SchemaDocument(options.schema, options.param);
    const narrowed = options.type === undefined ? [] : [document.nodeOf({ type: options.type }, options.param)];
    return new SchemaCompiler(document, grammar).compile([document.root, ...narrowed]);
  });
}

function printOrRefuse(grammar: Grammar, param: string): string {
  return withLimits(param, () => {
    const printed = grammar.print();
    if (printed !== undefined) return printed;
    throw new PlinthError({
      code: 'unsupported_schema',
      message: `${param} can never be satisfied: its keywords contradict each other.`,
      param,
    });
  });
}

/** Turns outgrown limits into words for the caller; a stack that overflows is a schema too deep for any of them. */
export function withLimits<T>(param: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    const isLimit = error instanceof GrammarLimitError || error instanceof RangeError;
    if (!isLimit) throw error;
    const problem = error instanceof GrammarLimitError ? error.message : 'is nested too deeply';
    throw new PlinthError({ code: 'unsupported_schema', message: `${param} ${problem}.`, param }, { cause: error });
  }
}
