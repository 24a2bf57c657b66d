import { PlinthError } from '../../../core/errors/index.ts';
import type { JsonObject } from '../../../core/inference/index.ts';
import {
  isServing,
  type LoadOverride,
  type ModelRepository,
  type RepositoryEntry,
  type RoutedModel,
} from '../../../core/messages/index.ts';
import type { Call, InferenceDoor } from '../inference-door.ts';
import { refuseSetting, requireAdmin } from './settings-text.ts';

/** A model and what is said about its load or unload; files come as bytes, everything else as the dialect has it. */
export interface RepositoryOrder {
  readonly model: string;
  readonly parameters: ReadonlyMap<string, string | number | boolean | bigint | Uint8Array>;
}

/** Every model that could be loaded or is, or only those that answer. Takes an admin key. */
export function repositoryIndex(
  door: InferenceDoor,
  { ready }: { readonly ready: 'only' | 'all' },
  call: Call,
): readonly RepositoryEntry[] {
  requireAdmin(call);
  const entries = door.repository?.index() ?? door.models(call).map(entryOf);
  return ready === 'only' ? entries.filter(({ state }) => state === 'READY') : entries;
}

/**
 * Loads a model, anew when it is loaded; resolves when it is ready. Takes an admin key. Throws what the repository throws, and
 * `invalid_request` for parameters that are none.
 */
export async function loadModel(door: InferenceDoor, order: RepositoryOrder, call: Call): Promise<void> {
  requireAdmin(call);
  const override = readOverride(order);
  await repositoryOf(door).load(order.model, override);
}

/** Takes a model out of service. Takes an admin key. */
export async function unloadModel(door: InferenceDoor, order: RepositoryOrder, call: Call): Promise<void> {
  requireAdmin(call);
  const dependents = order.parameters.get('unload_dependents') ?? false;
  if (typeof dependents !== 'boolean')
    throw refuseSetting("Unable to parse 'unload_dependents': attempt to access JSON non-boolean as boolean");
  await repositoryOf(door).unload(order.model, dependents ? 'unload' : 'keep');
}

function entryOf(model: RoutedModel): RepositoryEntry {
  const { name, version, failure } = model;
  if (isServing(model)) return { name, version, state: 'READY' };
  return failure === undefined ? { name, version, state: 'LOADING' } : { name, version, state: 'UNAVAILABLE', reason: failure };
}

function repositoryOf({ repository }: InferenceDoor): ModelRepository {
  if (repository !== undefined) return repository;
  throw new PlinthError({ code: 'model_unavailable', message: 'explicit model load / unload is not allowed' });
}

const FILE = 'file:';

function readOverride({ model, parameters }: RepositoryOrder): LoadOverride | undefined {
  if (parameters.size === 0) return undefined;
  const files = new Map<string, Uint8Array>();
  let config: JsonObject | undefined;
  for (const [name, value] of parameters) {
    if (name === 'config') config = parseConfig(model, value);
    else if (name.startsWith(FILE) && value instanceof Uint8Array) files.set(checkPath(model, name.slice(FILE.length)), value);
    else throw refuseSetting(`failed to load '${model}', unrecognized parameter '${name.slice(0, 64)}' for model load`);
  }
  if (config === undefined)
    throw refuseSetting(`failed to load '${model}', 'file:' parameters need a 'config' parameter beside them`);
  return files.size === 0 ? { config } : { config, files };
}

function parseConfig(model: string, value: unknown): JsonObject {
  if (typeof value !== 'string') throw refuseSetting(`failed to load '${model}', 'config' must be the text of a JSON object`);
  let parsed: unknown;
  try {
    parsed = JSON.parse(value);
  } catch {
    throw refuseSetting(`failed to load '${model}', 'config' is not valid JSON`);
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed))
    throw refuseSetting(`failed to load '${model}', 'config' must be the text of a JSON object`);
  return parsed as JsonObject;
}

/** Files of a load stay inside the model's folder. */
function checkPath(model: string, path: string): string {
  const parts = path.split('/');
  const isInside = parts.every((part) => part !== '' && part !== '.' && part !== '..' && !/[\0\\]/.test(part));
  if (isInside && path.length <= 512) return path;
  throw refuseSetting(`failed to load '${model}', '${FILE}${path.slice(0, 64)}' is no path inside the model's folder`);
}
