export { compileSchema, jsonObjectGrammar, jsonSchemaToGrammar, type SchemaGrammarOptions, withLimits } from './json-schema-grammar.ts';
