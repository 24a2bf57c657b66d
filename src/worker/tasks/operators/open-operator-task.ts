import { PlinthError } from '../../../core/errors/index.ts';
import type { ModelFacts, ModelSpec, TensorModelConfig } from '../../../core/models/index.ts';
import { checkConfig, completeConfig, planTensors } from '../tensors/index.ts';
import { findTextOperator } from './find-text.ts';
import { OperatorTask } from './operator-task.ts';
import type { Operator, OperatorSettings } from './operator.ts';
import { openReadCharacters } from './read-characters.ts';
import { readPictureOperator } from './read-picture.ts';
import { turnLinesOperator } from './turn-lines.ts';

const operators: Readonly<Record<string, (settings: OperatorSettings) => Operator>> = {
  read_picture: () => readPictureOperator,
  find_text: () => findTextOperator,
  turn_lines: () => turnLinesOperator,
  read_characters: openReadCharacters,
};

const emptyConfig: TensorModelConfig = { inputs: [], outputs: [], parameters: {}, warmup: [] };

/**
 * Opens a model that has no file: its parameter `operator` names one of Plinth's own functions. Ports that the configuration leaves out
 * are the operator's. Throws PlinthError `invalid_model_file` for an operator that there is not and for ports that are not its own.
 */
export function openOperatorTask(spec: ModelSpec): OperatorTask {
  const { name, tensors = emptyConfig, folderPath = '' } = spec;
  const { parameters } = tensors;
  const operator = openOperator(parameters['operator'] ?? '', { folder: folderPath, parameters });
  checkPlain(name, tensors);
  const config = completeConfig(name, { ...tensors, maxBatchSize: 0 }, operator);
  checkConfig(name, config, operator);
  const ranks = new Map([...operator.inputs, ...operator.outputs].map((port) => [port.name, port.shape.length]));
  return new OperatorTask({ operator, plan: planTensors(name, config, ranks), facts: describeOperator(spec, config) });
}

function openOperator(name: string, settings: OperatorSettings): Operator {
  const open = Object.hasOwn(operators, name) ? operators[name] : undefined;
  if (open !== undefined) return open(settings);
  const known = Object.keys(operators).join(', ');
  throw refusal(`there is no operator ${JSON.stringify(name.slice(0, 100))}; expected one of ${known}`);
}

/** An operator takes whole requests, one at a time. */
function checkPlain(model: string, config: TensorModelConfig): void {
  const { maxBatchSize = 0, sequenceBatching, inputs, outputs, warmup } = config;
  const isReshaped = [...inputs, ...outputs].some(({ reshape, allowsRagged }) => reshape !== undefined || allowsRagged);
  const flaws = [
    ...(maxBatchSize > 0 ? ['a max_batch_size'] : []),
    ...(sequenceBatching === undefined ? [] : ['sequence_batching']),
    ...(isReshaped ? ['reshape or allow_ragged_batch'] : []),
    ...(warmup.length > 0 ? ['model_warmup'] : []),
  ];
  if (flaws.length > 0) throw refusal(`model '${model}': an operator does without ${flaws.join(', ')}`);
}

function describeOperator({ slots }: ModelSpec, config: TensorModelConfig & { readonly maxBatchSize: number }): ModelFacts {
  return {
    architecture: 'operator',
    parameterCount: 0,
    quantization: '',
    fileBytes: 0,
    engine: 'plinth',
    contextTokens: 0,
    embeddingDimensions: 0,
    slots,
    capabilities: ['tensors'],
    tensors: { config, platform: 'plinth', configJson: {} },
  };
}

function refusal(message: string): PlinthError {
  return new PlinthError({ code: 'invalid_model_file', message });
}
