import type { EnsembleStep, TensorPort } from '../../../core/models/index.ts';
import { mapOf, messageOf, messagesOf, numberOf, textOf, type ConfigMessage } from '../model-config/index.ts';
import { refuse } from './refuse.ts';

const MOST_STEPS = 256;

export interface EnsemblePorts {
  readonly inputs: readonly TensorPort[];
  readonly outputs: readonly TensorPort[];
}

/**
 * The steps of an ensemble; undefined when the configuration has none. Throws when the tensors do not flow: one without a source, with
 * two, around in a circle, or an output that nothing makes.
 */
export function readEnsemble(config: ConfigMessage, ports: EnsemblePorts): readonly EnsembleStep[] | undefined {
  const message = messageOf(config, 'ensemble_scheduling');
  if (message === undefined) return undefined;
  const messages = messagesOf(message, 'step');
  if (messages.length === 0) throw refuse('ensemble_scheduling must have at least one step');
  if (messages.length > MOST_STEPS) throw refuse(`ensemble_scheduling has ${messages.length} steps; at most ${MOST_STEPS}`);
  if (ports.inputs.length === 0 || ports.outputs.length === 0) throw refuse('an ensemble must specify its inputs and outputs');
  const steps = messages.map(readStep);
  checkFlow(steps, ports);
  return steps;
}

function readStep(message: ConfigMessage, index: number): EnsembleStep {
  const model = textOf(message, 'model_name');
  const version = numberOf(message, 'model_version');
  const inputMap = readMap(message, 'input_map');
  const outputMap = readMap(message, 'output_map');
  if (model === '') throw refuse(`must specify 'model_name' in step ${index} of ensemble`);
  if (version < -1) throw refuse(`model_version of step ${index} of ensemble must be -1 or a version, got ${version}`);
  if (Object.keys(inputMap).length === 0) throw refuse(`must specify 'input_map' in step ${index} of ensemble`);
  if (Object.keys(outputMap).length === 0) throw refuse(`must specify 'output_map' in step ${index} of ensemble`);
  return { model, ...(version > 0 && { version: String(version) }), inputMap, outputMap };
}

function readMap(message: ConfigMessage, field: string): Readonly<Record<string, string>> {
  return Object.fromEntries([...mapOf(message, field)].map(([inner, outer]) => [inner, String(outer)]));
}

function checkFlow(steps: readonly EnsembleStep[], { inputs, outputs }: EnsemblePorts): void {
  const known = new Set(inputs.map((port) => port.name));
  for (const name of steps.flatMap((step) => Object.values(step.outputMap))) {
    if (known.has(name)) throw refuse(`ensemble tensor '${name}' can be written only once`);
    known.add(name);
  }
  const unknown = steps.flatMap((step) => Object.values(step.inputMap)).find((name) => !known.has(name));
  if (unknown !== undefined) throw refuse(`ensemble tensor '${unknown}' is read and nothing makes it`);
  const unmade = outputs.find((port) => !known.has(port.name));
  if (unmade !== undefined) throw refuse(`ensemble output '${unmade.name}' is made by no step`);
  const read = new Set(steps.flatMap((step) => Object.values(step.inputMap)));
  const unread = inputs.find((port) => !read.has(port.name));
  if (unread !== undefined) throw refuse(`ensemble input '${unread.name}' is read by no step`);
  checkOrder(steps, inputs);
}

/** Takes away whatever could run until nothing is left; what remains runs in a circle. */
function checkOrder(steps: readonly EnsembleStep[], inputs: readonly TensorPort[]): void {
  const made = new Set(inputs.map((port) => port.name));
  let waiting = [...steps];
  while (waiting.length > 0) {
    const runnable = waiting.filter((step) => Object.values(step.inputMap).every((name) => made.has(name)));
    if (runnable.length === 0) {
      const models = waiting.map((step) => `'${step.model}'`).join(', ');
      throw refuse(`circular dependency between the steps ${models} of ensemble`);
    }
    for (const name of runnable.flatMap((step) => Object.values(step.outputMap))) made.add(name);
    waiting = waiting.filter((step) => !runnable.includes(step));
  }
}
