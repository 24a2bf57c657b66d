export { openOnnxDecoder } from './open-onnx-decoder.ts';
