import { z } from 'zod';
import { tensorDatatypes } from '../../../core/inference/index.ts';

const count = z.number().min(0);
const text = z.string().max(65_536);
const datatype = z.enum(tensorDatatypes);
const dims = z.array(z.int().min(-1)).max(64);
const isTrue = z.literal(true).exactOptional();

const portSchema = z.object({
  name: text,
  datatype,
  dims,
  reshape: dims.exactOptional(),
  isOptional: isTrue,
  allowsRagged: isTrue,
  labels: z.array(text).max(200_000).exactOptional(),
});

const policySchema = z.object({
  timeoutAction: z.enum(['reject', 'delay']),
  defaultTimeoutUs: count,
  timeoutOverride: z.enum(['allowed', 'ignored']),
  maxQueueSize: count,
});

const ordering = z.enum(['preserved', 'free']);

const dynamicSchema = z.object({
  preferredBatchSizes: z.array(count),
  maxQueueDelayUs: count,
  ordering,
  priorityLevels: count,
  defaultPriorityLevel: count,
  defaultPolicy: policySchema,
  levelPolicies: z.record(z.string(), policySchema),
});

const sequenceSchema = z.object({
  maxIdleUs: count,
  strategy: z.discriminatedUnion('type', [
    z.object({ type: z.literal('direct'), maxQueueDelayUs: count, minimumSlotUtilization: count }),
    z.object({
      type: z.literal('oldest'),
      maxCandidateSequences: count,
      preferredBatchSizes: z.array(count),
      maxQueueDelayUs: count,
      ordering,
    }),
  ]),
  controls: z.array(
    z.object({
      input: text,
      kind: z.enum(['start', 'ready', 'end', 'corrid']),
      datatype,
      falseValue: z.number(),
      trueValue: z.number(),
    }),
  ),
  states: z.array(z.object({ inputName: text, outputName: text, datatype, dims, initialFile: text.exactOptional() })),
});

const kinds = [
  'element-count',
  'accumulated-element-count',
  'accumulated-element-count-with-zero',
  'max-element-count-as-shape',
  'item-shape',
  'item-shape-flatten',
] as const;

const configSchema = z.object({
  inputs: z.array(portSchema).max(4_096),
  outputs: z.array(portSchema).max(4_096),
  maxBatchSize: z.int().min(0),
  dynamicBatching: dynamicSchema.exactOptional(),
  sequenceBatching: sequenceSchema.exactOptional(),
  batchInputs: z
    .array(z.object({ kind: z.enum(kinds), targetNames: z.array(text), datatype, sourceInput: text }))
    .exactOptional(),
  batchOutputs: z.array(z.object({ targetNames: z.array(text), sourceInput: text })).exactOptional(),
  isDecoupled: isTrue,
  cachesResponses: isTrue,
  parameters: z.record(z.string(), text),
  warmup: z.array(
    z.object({
      name: text,
      batchSize: count,
      count,
      inputs: z.array(
        z.object({
          name: text,
          datatype,
          dims,
          data: z.discriminatedUnion('type', [
            z.object({ type: z.literal('zero') }),
            z.object({ type: z.literal('random') }),
            z.object({ type: z.literal('file'), path: text }),
          ]),
        }),
      ),
    }),
  ),
});

const capabilities = [
  'chat',
  'completion',
  'embed',
  'tools',
  'infill',
  'tensors',
  'score',
  'classify',
  'classify-image',
  'detect-objects',
  'read-text',
  'transcribe',
  'translate',
] as const;

/** What a replica says of its model. Steps of ensembles are no business of a replica and are left out. */
export const factsSchema = z.object({
  architecture: text,
  parameterCount: count,
  quantization: text,
  fileBytes: count,
  engine: text,
  contextTokens: count,
  embeddingDimensions: count,
  slots: z.int().min(1),
  capabilities: z.array(z.enum(capabilities)),
  tensors: z.object({ config: configSchema, platform: text, configJson: z.record(z.string(), z.json()) }).exactOptional(),
});
