import { PlinthError } from '../../../core/errors/index.ts';
import type { InferenceRequest, JsonObject } from '../../../core/inference/index.ts';
import { isServing, type RoutedModel } from '../../../core/messages/index.ts';
import type { TensorPort } from '../../../core/models/index.ts';
import type { Call, InferenceDoor, Wanted } from '../inference-door.ts';
import { describeModel, type OpenModel } from './open-model.ts';

/** Which model is meant, as `name`, `name:3` or `name@alias`. An empty version leaves the choice to the name and the model's traffic. */
export interface ModelAsk {
  readonly name: string;
  readonly version: string;
  /** The sequence that a request belongs to; empty when to none. Only asked for when traffic wants it. */
  readonly sequence?: () => string;
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
    versions: ask.version === '' && ask.name === model.name ? readyVersions(door, ask.name, call) : [model.version],
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
  const wanted = wantedOf(door, ask, call);
  try {
    return isServing(door.choose(wanted, call).model);
  } catch (error) {
    if (isMissing(error) || isUnready(error)) return false;
    throw error;
  }
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

/** In Triton's words, whatever does not exist. */
function findRouted(door: InferenceDoor, ask: ModelAsk, call: Call): RoutedModel {
  const wanted = wantedOf(door, ask, call);
  try {
    return door.choose(wanted, call).model;
  } catch (error) {
    if (!isMissing(error)) throw error;
    if (error.facts.code === 'model_not_found') throw unknownModel(door, ask.name);
    throw wanted.version === undefined ? unknownVersion(error) : missingVersion(ask.name, wanted.version);
  }
}

/** Nothing that takes requests is loaded, or rules lead nowhere. */
function isUnready(error: unknown): boolean {
  return error instanceof PlinthError && (error.facts.code === 'model_not_ready' || error.facts.code === 'model_unavailable');
}

function isMissing(error: unknown): error is PlinthError {
  return error instanceof PlinthError && (error.facts.code === 'model_not_found' || error.facts.code === 'version_not_found');
}

function wantedOf(door: InferenceDoor, { name, version, sequence }: ModelAsk, call: Call): Wanted {
  const digits = parseVersion(version);
  return {
    name,
    version: digits === '' ? undefined : digits,
    kind: () => kindOf(door, name, call),
    ...(sequence === undefined ? {} : { conversation: sequence }),
  };
}

function kindOf(door: InferenceDoor, name: string, call: Call): InferenceRequest['kind'] {
  const base = name.replace(/[:@][^:@]*$/, '');
  const known = door.models(call).find((one) => (one.name === name || one.name === base) && one.facts !== undefined);
  const kind = known === undefined ? 'tensors' : describeModel(known)?.kind;
  return kind === undefined || kind === 'other' ? 'tensors' : kind;
}

function unknownVersion({ facts }: PlinthError): PlinthError {
  return new PlinthError({ ...facts, message: `${UNKNOWN} ${facts.message}` });
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
