import { isServing, type RoutedModel } from '../../core/messages/index.ts';
import type { EnsembleStep, TensorFacts } from '../../core/models/index.ts';

/** Most steps of an ensemble, those of the ensembles in it counted as often as they run: a few nested ones can make millions. */
const MOST_STEPS = 1024;

interface Walk {
  readonly models: readonly RoutedModel[];
  stepsLeft: number;
}

/** The snapshot's models, each ensemble among them with the reason why it cannot answer, if there is one. */
export function chooseEnsembleStates(models: readonly RoutedModel[]): readonly RoutedModel[] {
  return models.map((model) => {
    if (stepsOf(model) === undefined || model.failure !== undefined) return model;
    const failure = findObstacle(model, { models, stepsLeft: MOST_STEPS }, [model.name]);
    return failure === undefined ? model : { ...model, failure, isHeld: true as const };
  });
}

function stepsOf(model: RoutedModel): readonly EnsembleStep[] | undefined {
  return model.facts?.tensors?.config.ensembleSteps;
}

function findObstacle(model: RoutedModel, walk: Walk, path: readonly string[]): string | undefined {
  for (const step of stepsOf(model) ?? []) {
    const found = findStepObstacle(step, walk, path);
    if (found !== undefined) return `ensemble '${model.name}' depends on '${step.model}' which ${found}`;
  }
  return undefined;
}

function findStepObstacle(step: EnsembleStep, walk: Walk, path: readonly string[]): string | undefined {
  walk.stepsLeft -= 1;
  if (walk.stepsLeft < 0) return `would be more than ${MOST_STEPS} steps in all`;
  if (path.includes(step.model)) return 'depends on it in turn: circular dependency between ensembles';
  const versions = walk.models
    .filter(({ name, version }) => name === step.model && (step.version === undefined || version === step.version))
    .toSorted((a, b) => Number(b.version) - Number(a.version));
  const wanted = step.version === undefined ? '' : ` ${step.version}`;
  if (versions.length === 0) return `has no loaded version${wanted}`;
  const serving = versions.find(isServing);
  if (serving === undefined) return 'is not ready';
  const inner = stepsOf(serving) === undefined ? undefined : findObstacle(serving, walk, [...path, step.model]);
  return inner === undefined ? findMisfit(step, serving.facts?.tensors) : `is not ready: ${inner}`;
}

/** Names that the step's model does not have, and inputs that it needs and is not given. */
function findMisfit(step: EnsembleStep, facts: TensorFacts | undefined): string | undefined {
  if (facts === undefined) return 'takes no tensors';
  const { inputs, outputs } = facts.config;
  const hasName = (ports: readonly { readonly name: string }[], name: string) => ports.some((port) => port.name === name);
  const input = Object.keys(step.inputMap).find((name) => !hasName(inputs, name));
  if (input !== undefined) return `has no input '${input}'`;
  const output = Object.keys(step.outputMap).find((name) => !hasName(outputs, name));
  if (output !== undefined) return `has no output '${output}'`;
  const missing = inputs.find((port) => port.isOptional !== true && !Object.hasOwn(step.inputMap, port.name));
  return missing === undefined ? undefined : `needs the input '${missing.name}' that the ensemble does not give it`;
}
