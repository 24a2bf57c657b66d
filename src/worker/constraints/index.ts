export { jsonObjectGrammar, jsonSchemaToGrammar, type SchemaGrammarOptions } from './json-schema-grammar.ts';
export { toolCallGrammar } from './tool-call-grammar.ts';
export { ToolCallParser, type ToolCallParserOptions, type ToolTextDelta } from './tool-call-parser.ts';
