export { compileSchema, jsonObjectGrammar, jsonSchemaToGrammar, withLimits } from './json-schema-grammar.ts';
