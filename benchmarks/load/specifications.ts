import { z } from 'zod';

const target = z.object({
  host: z.string(),
  port: z.number(),
  path: z.string(),
  headers: z.record(z.string(), z.string()),
});

/** Every connection sends its next request as soon as the last one is answered. */
export const closedLoopSpecification = z.object({
  target,
  body: z.string(),
  /** Of `body`; as it stands when absent. */
  encoding: z.enum(['base64']).optional(),
  connections: z.number(),
  seconds: z.number(),
});

/** As a closed loop, by unary gRPC calls; `message` is the request message in base64. */
export const rpcLoopSpecification = z.object({
  target,
  message: z.string(),
  connections: z.number(),
  seconds: z.number(),
});

/** Requests are due at the times of a Poisson process and are measured from then, whether or not a connection was free. */
export const openLoopSpecification = z.object({
  target,
  /** Sent one after the other, over and over. */
  bodies: z.array(z.string()).min(1),
  connections: z.number(),
  ratePerSecond: z.number(),
  seconds: z.number(),
  seed: z.number(),
});

/** Users read streams, each one after the other; `bodies[u]` are the requests of user u. */
export const streamsSpecification = z.object({
  target,
  bodies: z.array(z.array(z.string())),
  /** Users start evenly over so long. */
  rampMs: z.number(),
  /** Parse every event and keep the text; off where the client would cost too much. */
  keepsText: z.boolean(),
});

/** A probe at a fixed rate while another connection keeps the server at long work, such as reading prompts. */
export const probeSpecification = z.object({
  target,
  ratePerSecond: z.number(),
  seconds: z.number(),
  load: z
    .object({
      target,
      bodies: z.array(z.string()),
      encoding: z.enum(['base64']).optional(),
      /** How often all bodies are sent; once when absent. */
      repeats: z.number().optional(),
    })
    .optional(),
});

export type Target = z.infer<typeof target>;
export type ClosedLoopSpecification = z.infer<typeof closedLoopSpecification>;
export type RpcLoopSpecification = z.infer<typeof rpcLoopSpecification>;
export type OpenLoopSpecification = z.infer<typeof openLoopSpecification>;
export type StreamsSpecification = z.infer<typeof streamsSpecification>;
export type ProbeSpecification = z.infer<typeof probeSpecification>;

export const loopReport = z.object({
  requests: z.number(),
  failures: z.number(),
  seconds: z.number(),
  p50Ms: z.number(),
  p99Ms: z.number(),
  maxMs: z.number(),
  /** Time between a request being due and being written when a connection was free: the client's own delay. Closed loop: 0. */
  p99LagMs: z.number(),
  /** The client's own processor share. */
  clientShare: z.number(),
});

const streamRecord = z.object({
  user: z.number(),
  status: z.number(),
  startMs: z.number(),
  /** From the request to the first event with text. */
  ttftMs: z.number(),
  /** Of the last event with text, since the client's start. */
  lastMs: z.number(),
  /** Events with text. */
  events: z.number(),
  /** From `usage`, when text is kept. */
  promptTokens: z.number(),
  completionTokens: z.number(),
  text: z.string(),
});

export const streamsReport = z.object({
  records: z.array(streamRecord),
  seconds: z.number(),
  /** Gaps between events with text of one stream. */
  gaps: z.object({ count: z.number(), p50Ms: z.number(), p99Ms: z.number(), maxMs: z.number() }),
  clientShare: z.number(),
});

export const probeReport = z.object({
  probes: z.number(),
  failures: z.number(),
  p50Ms: z.number(),
  p99Ms: z.number(),
  maxMs: z.number(),
  /** Long prompts, or whatever the work was, that were answered meanwhile, and how long one took. */
  prompts: z.number(),
  promptFailures: z.number(),
  promptMs: z.number(),
  clientShare: z.number(),
});

export type LoopReport = z.infer<typeof loopReport>;
export type StreamRecord = z.infer<typeof streamRecord>;
export type StreamsReport = z.infer<typeof streamsReport>;
export type ProbeReport = z.infer<typeof probeReport>;
