export {
  buildFunction,
  buildGraph,
  buildModel,
  float,
  operation,
  port,
  sequencePort,
  type AttributeValue,
  type Dimension,
  type FloatAttribute,
  type FunctionParts,
  type GraphParts,
  type ModelParts,
  type OperationParts,
} from './build-graph.ts';
export { convertBert, convertSentenceTransformer, type ConversionOptions } from './bert/convert-bert.ts';
export { describeModel, graphsOf, type ModelDescription, type PortDescription } from './describe-model.ts';
export { elementFormats, rawBytesOf, type ElementFormat, type ElementType, type ValueList } from './element-types.ts';
export { joinWeights, splitWeights, type SplitOptions } from './external-data.ts';
export type {
  FunctionProto as OnnxFunction,
  GraphProto as OnnxGraph,
  ModelProto as OnnxModel,
  NodeProto as OnnxOperation,
  TensorProto as OnnxTensor,
  ValueInfoProto as OnnxPort,
} from './generated/onnx_pb.ts';
export { brainToNumber, halfToNumber, numberToBrain, numberToHalf } from './half-floats.ts';
export { readModel, writeModel, writeModelPieces } from './onnx-file.ts';
export { OnnxToolsError } from './onnx-tools-error.ts';
export { readSafetensors, type SafeTensor, type SafeTensors } from './safetensors.ts';
export { tensor, type ElementValue } from './tensor-values.ts';
