import { PlinthError } from '../../../core/errors/index.ts';
import type { JsonObject } from '../../../core/inference/index.ts';
import { isServing, type RoutedModel } from '../../../core/messages/index.ts';
import type { TensorPort } from '../../../core/models/index.ts';
import type { Call, InferenceDoor } from '../inference-door.ts';
import { describeModel, type OpenModel } from './open-model.ts';

/** Which model is meant. An empty version leaves the choice to the model. */
export interface ModelAsk {
  readonly name: string;
  readonly version: string;
}

/** A model's tensors as Triton lists them. Shapes have a leading −1 where the model batches. */
export interface ModelMetadata {
  readonly name: string;
  readonly versions: readonly string[];
  readonly platform: string;
  readonly inputs: readonly TensorMetadata[];
  readonly outputs: readonly TensorMetadata[];
}

/** One input or output in {@link ModelMetadata}. */
export interface TensorMetadata {
  readonly name: string;
  readonly datatype: string;
  readonly shape: readonly number[];
}

/** The version that answers. Throws `model_not_found`, `version_not_found`, `invalid_request` or `model_not_ready` with Triton's words. */
export function findOpenModel(door: InferenceDoor, ask: ModelAsk, call: Call): OpenModel {
  const routed = findRouted(door, ask, call);
  // Replicas of an unloaded model still finish what they have begun, and are there for nothing else.
  const isGone = routed.isHeld === true && !isServing(routed);
  const model = isGone ? undefined : describeModel(routed);
  if (model !== undefined) return model;
  const message = routed.failure ?? `${UNKNOWN} '${ask.name}' version ${routed.version} is not at ready state`;
  throw new PlinthError({ code: 'model_not_ready', message });
}

/** What a client needs to know to call the model. Throws as {@link findOpenModel}. */
export function modelMetadata(door: InferenceDoor, ask: ModelAsk, call: Call): ModelMetadata {
  const model = findOpenModel(door, ask, call);
  const show = ({ name, datatype, dims }: TensorPort): TensorMetadata => ({
    name,
    datatype,
    shape: model.maxBatchSize > 0 ? [-1, ...dims] : dims,
  });
  return {
    name: model.name,
    versions: ask.version === '' ? readyVersions(door, ask.name, call) : [model.version],
    platform: model.platform,
    inputs: model.inputs.map(show),
    outputs: model.outputs.map(show),
  };
}

/** Protobuf JSON of the model's configuration. Throws as {@link findOpenModel}. */
export function modelConfig(door: InferenceDoor, ask: ModelAsk, call: Call): JsonObject {
  return findOpenModel(door, ask, call).configJson;
}

/** Whether requests to the version are answered now; a model that is not there is not ready. Throws for a version that is no number. */
export function isModelReady(door: InferenceDoor, ask: ModelAsk, call: Call): boolean {
  const { found } = look(door, ask, call);
  return found !== undefined && isServing(found);
}

/** Throws `invalid_request` unless the text is empty or a whole number from 1; gives it without leading zeros. */
export function parseVersion(version: string): string {
  if (version === '') return '';
  if (/^\d{1,18}$/.test(version) && Number(version) > 0) return version.replace(/^0+/, '');
  const message = `invalid model version specified '${version.slice(0, LONGEST_SHOWN)}' , version should be an integral value > 0`;
  throw new PlinthError({ code: 'invalid_request', message });
}

const UNKNOWN = 'Request for unknown model:';
const LONGEST_SHOWN = 128;

function findRouted(door: InferenceDoor, ask: ModelAsk, call: Call): RoutedModel {
  const { found, isKnown } = look(door, ask, call);
  if (found !== undefined) return found;
  throw isKnown ? missingVersion(ask.name, parseVersion(ask.version)) : unknownModel(door, ask.name);
}

function look(
  door: InferenceDoor,
  ask: ModelAsk,
  call: Call,
): { readonly found: RoutedModel | undefined; readonly isKnown: boolean } {
  const version = parseVersion(ask.version);
  let found: RoutedModel | undefined;
  let isKnown = false;
  for (const one of door.models(call)) {
    if (one.name !== ask.name) continue;
    isKnown = true;
    if (version === '' ? isBetter(one, found) : one.version === version) found = one;
  }
  return { found, isKnown };
}

function isBetter(candidate: RoutedModel, best: RoutedModel | undefined): boolean {
  if (best === undefined) return true;
  const [isCandidateUp, isBestUp] = [isServing(candidate), isServing(best)];
  return isCandidateUp === isBestUp ? Number(candidate.version) > Number(best.version) : isCandidateUp;
}

function missingVersion(name: string, version: string): PlinthError {
  return new PlinthError({ code: 'version_not_found', message: `${UNKNOWN} '${name}' version ${version} is not found` });
}

function unknownModel(door: InferenceDoor, name: string): PlinthError {
  const shown = name.slice(0, LONGEST_SHOWN);
  const isListed = door.repository?.index().some((entry) => entry.name === name) === true;
  return isListed
    ? new PlinthError({ code: 'version_not_found', message: `${UNKNOWN} '${shown}' has no available versions` })
    : new PlinthError({ code: 'model_not_found', message: `${UNKNOWN} '${shown}' is not found` });
}

function readyVersions(door: InferenceDoor, name: string, call: Call): string[] {
  const versions = door.models(call).filter((one) => one.name === name);
  const ready = versions.filter(isServing);
  return (ready.length > 0 ? ready : versions).map((one) => one.version).toSorted((a, b) => Number(a) - Number(b));
}
