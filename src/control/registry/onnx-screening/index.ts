export { FolderFiles, type ExternalFiles, type ExternalPlace } from './external-files.ts';
export type { OnnxPort, OnnxSummary } from './onnx-summary.ts';
export { screenGraph } from './screen-graph.ts';
export type { GraphBytes } from './wire-cursor.ts';
