import { PlinthError } from '../../core/errors/index.ts';
import type { JsonValue } from '../../core/inference/index.ts';

export interface SchemaGrammarOptions {
  /** Where the schema stands in the request, `response_format.json_schema.schema`; error messages continue this path. */
  readonly param: string;
}

/**
 * A GBNF grammar (llama.cpp, rule `root`) whose every sentence is JSON that validates against the schema.
 * @throws PlinthError `unsupported_schema` naming the keyword and its path.
 */
export function jsonSchemaToGrammar(schema: JsonValue, options: SchemaGrammarOptions): string {
  throw new PlinthError({ code: 'unsupported_schema', message: `not built: ${typeof schema}`, param: options.param });
}

/** A GBNF grammar for any JSON object. */
export function jsonObjectGrammar(): string {
  throw new PlinthError({ code: 'unsupported_schema', message: 'not built' });
}
