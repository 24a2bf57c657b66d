export type { NativeValue } from './native-value.ts';
export type { OnnxGraph } from './onnx-graph.ts';
export { openOnnxGraph } from './open-onnx-graph.ts';
