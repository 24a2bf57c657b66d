import { z } from 'zod';
import type { TaskName } from '../../../core/models/index.ts';

const configSchema = z.object({
  architectures: z.array(z.string()).nullish(),
  model_type: z.string().nullish(),
  num_labels: z.number().nullish(),
  id2label: z.record(z.string(), z.unknown()).nullish(),
});

/** Ending of the architecture's name → what such a model is for. */
const BY_ENDING: ReadonlyArray<readonly [ending: string, task: TaskName]> = [
  ['ForCausalLM', 'generate'],
  ['LMHeadModel', 'generate'],
  ['ForImageClassification', 'classify-image'],
  ['ForObjectDetection', 'detect-objects'],
  ['WhisperForConditionalGeneration', 'transcribe'],
];

/** What a model is for, from the names of its files and its `config.json` (parsed): arrays in and out when nothing says more. */
export function chooseTask(paths: readonly string[], config: unknown): TaskName {
  if (!paths.includes('tokenizer.json')) return taskOf(config, ['classify-image', 'detect-objects']);
  if (paths.includes('modules.json') || paths.includes('1_Pooling/config.json')) return 'embed';
  return taskOf(config, ['generate', 'transcribe', 'score', 'classify', 'embed', 'classify-image', 'detect-objects']);
}

/** `possible`: what the files at hand allow. */
function taskOf(config: unknown, possible: readonly TaskName[]): TaskName {
  const parsed = configSchema.safeParse(config);
  const architecture = parsed.data?.architectures?.[0];
  if (parsed.data === undefined || architecture === undefined) return 'tensors';
  const task = taskOfArchitecture(architecture, parsed.data);
  return possible.includes(task) ? task : 'tensors';
}

function taskOfArchitecture(architecture: string, config: z.infer<typeof configSchema>): TaskName {
  const known = BY_ENDING.find(([ending]) => architecture.endsWith(ending));
  if (known !== undefined) return known[1];
  if (architecture.endsWith('ForSequenceClassification')) return countLabels(config) === 1 ? 'score' : 'classify';
  return /(?:Model|ForMaskedLM)$/.test(architecture) ? 'embed' : 'tensors';
}

/** Two when the file does not say, as transformers assumes. */
function countLabels(config: z.infer<typeof configSchema>): number {
  return config.id2label ? Object.keys(config.id2label).length : (config.num_labels ?? 2);
}
