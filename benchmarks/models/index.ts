export { drawPrompt, findModelFile, formatCompletion, type BenchmarkModel, type CompletionOptions } from './model-files.ts';
export { onnxModels, writeEntry, type RepositoryEntry } from './make-onnx.ts';
