import { z } from 'zod';
import { tensorDatatypes } from '../../../core/inference/index.ts';
import type { OnnxSummary } from '../onnx-screening/index.ts';

const count = z.int().min(0);

const portSchema = z.strictObject({
  name: z.string(),
  datatype: z.enum([...tensorDatatypes, 'OTHER']),
  shape: z.array(z.int().min(-1)).exactOptional(),
  symbols: z.array(z.string().nullable()),
  isOptional: z.boolean(),
});

export const onnxSummarySchema: z.ZodType<OnnxSummary> = z.strictObject({
  inputs: z.array(portSchema),
  outputs: z.array(portSchema),
  opset: count,
  irVersion: count,
  producer: z.string().exactOptional(),
  graphName: z.string().exactOptional(),
  operationCount: count,
  parameterCount: count,
  fileBytes: count,
  externalFiles: z.array(z.string()),
  metadata: z.record(z.string(), z.string()),
});
