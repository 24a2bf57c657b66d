export { ChoiceWriter, type ChoiceWriterOptions, type ParsedPiece, type ToolParser } from './choice-writer.ts';
export { TextAssembler, type TextPiece } from './text-assembler.ts';
