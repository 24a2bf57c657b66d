export {
  loopReport,
  probeReport,
  streamsReport,
  type ClosedLoopSpecification,
  type LoopReport,
  type OpenLoopSpecification,
  type ProbeReport,
  type ProbeSpecification,
  type RpcLoopSpecification,
  type StreamRecord,
  type StreamsReport,
  type StreamsSpecification,
  type Target,
} from './specifications.ts';
export { countIncomplete, decodeTokensPerSecond, outputTokensPerSecond, timePerOutputTokenMs } from './stream-timings.ts';
export { formatBinaryBody, formatJsonBody, formatRpcMessage, type FloatTensor, type RestBody } from './tensor-bodies.ts';
