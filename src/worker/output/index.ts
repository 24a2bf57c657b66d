export { ChoiceWriter, type ChoiceWriterOptions, type ParsedPiece, type ToolParser } from './choice-writer.ts';
