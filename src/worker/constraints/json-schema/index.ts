export { compileSchema, jsonObjectGrammar, jsonSchemaToGrammar, type SchemaGrammarOptions } from './json-schema-grammar.ts';
