export type { OnDefect, UnaryMethod } from './answer-unary.ts';
export type { OwnEncoders } from './codec.ts';
export { wireMethods } from './codec.ts';
export {
  GrpcApplication,
  type GrpcApplicationOptions,
  type MessageStream,
  type PortPart,
  type StreamMethod,
  type UnaryMethods,
} from './grpc-application.ts';
export { fieldLength, MessageWriter, varintLength } from './message-writer.ts';
export type { BegunCall, OpenRpc, RpcFacts, RpcGate } from './rpc-gate.ts';
export { metadataOf, rpcStatus } from './rpc-status.ts';
