export {
  loopReport,
  probeReport,
  streamsReport,
  type ClosedLoopSpecification,
  type LoopReport,
  type OpenLoopSpecification,
  type ProbeReport,
  type ProbeSpecification,
  type StreamRecord,
  type StreamsReport,
  type StreamsSpecification,
  type Target,
} from './specifications.ts';
export { countIncomplete, decodeTokensPerSecond, outputTokensPerSecond, timePerOutputTokenMs } from './stream-timings.ts';
