import { z } from 'zod';

const count = z.int().min(0);

export const ggufSummarySchema = z.strictObject({
  ggufVersion: count,
  architecture: z.string(),
  blockCount: count,
  embeddingDimensions: count,
  contextTokens: count,
  vocabularySize: count,
  parameterCount: count,
  quantization: z.string(),
  tensorCount: count,
  title: z.string().exactOptional(),
  licence: z.string().exactOptional(),
  chatTemplate: z.string().exactOptional(),
});

/**
 * What the checked header of a GGUF file says. `parameterCount` counts the elements of all tensors; `quantization` is written as the
 * field does (`Q4_1`, `Q4_K_M`, `F16`); `contextTokens` is the length that the model was trained for; `chatTemplate` is Jinja source,
 * unchecked.
 */
export type GgufSummary = z.infer<typeof ggufSummarySchema>;
