export type { GgufSummary } from './gguf-summary.ts';
export type { ByteSource } from './header-cursor.ts';
export { screenHeader } from './screen-header.ts';
export { screenModelFile, type ScreenOptions } from './screen-model-file.ts';
