export type { GgufSummary } from './gguf-summary.ts';
export { screenModelFile, type ScreenOptions } from './screen-model-file.ts';
