export { drawPrompt, findModelFile, formatCompletion, type BenchmarkModel, type CompletionOptions } from './model-files.ts';
