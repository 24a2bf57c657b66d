export type { Pointer } from './api-table.ts';
export { datatypeOfElement, elementName, elementTypes } from './element-types.ts';
export { loadOnnxLibrary, OnnxFailure, type OnnxLibrary } from './onnx-library.ts';
