export type { OnnxSummary } from '../onnx-screening/index.ts';
export type { GgufSummary } from './gguf-summary.ts';
export type { ByteSource } from './header-cursor.ts';
export { screenHeader } from './screen-header.ts';
export { screenModelFile, screenOnnxFile, type OnnxScreenOptions, type ScreenOptions } from './screen-model-file.ts';
