export { RepeatGuard } from './repeat-guard.ts';
export { jsonObjectGrammar, jsonSchemaToGrammar } from './json-schema/index.ts';
export { toolCallGrammar } from './tool-call-grammar.ts';
export { ToolCallParser, type ToolCallParserOptions, type ToolTextDelta } from './tool-call-parser.ts';
