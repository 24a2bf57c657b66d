import type { SequenceStep, TensorParameter, TensorRequest } from '../../../core/inference/index.ts';
import { refuse } from './tensor-bytes.ts';

/** The parameters of a request, those that the platform itself understands told from the model's own. */
export interface RequestParameters {
  readonly sequence?: SequenceStep;
  readonly priority?: number;
  readonly queueTimeoutUs?: number;
  /** A response that says only that nothing follows is delivered too. */
  readonly wantsEmptyFinal?: true;
  readonly free: TensorRequest['parameters'];
}

interface Collected {
  sequenceId?: string;
  idType?: SequenceStep['idType'];
  isStart?: boolean;
  isEnd?: boolean;
  priority?: number;
  queueTimeoutUs?: number;
  wantsEmptyFinal?: true;
  free: Record<string, string | number | boolean>;
}

const NONE: RequestParameters = { free: {} };
const EMPTY_FINAL = 'triton_enable_empty_final_response';
const MOST_UINT64 = 2n ** 64n - 1n;

/** Throws `invalid_request` for a value of the wrong kind and for the names that are reserved. */
export function readRequestParameters(parameters: ReadonlyMap<string, TensorParameter>): RequestParameters {
  if (parameters.size === 0) return NONE;
  const found: Collected = { free: {} };
  for (const [key, value] of parameters) readOne(found, key, value);
  const { sequenceId, idType, isStart, isEnd, ...rest } = found;
  if (sequenceId === undefined || idType === undefined) return rest;
  return { ...rest, sequence: { id: sequenceId, idType, isStart: isStart === true, isEnd: isEnd === true } };
}

/** Names the sequence among all; empty for a request that belongs to none. Throws as {@link readRequestParameters}. */
export function sequenceKeyOf(parameters: ReadonlyMap<string, TensorParameter>): string {
  const { sequence } = readRequestParameters(parameters);
  return sequence === undefined ? '' : `${sequence.idType}:${sequence.id}`;
}

function readOne(found: Collected, key: string, value: TensorParameter): void {
  switch (key) {
    case 'sequence_id':
      readSequenceId(found, value);
      return;
    case 'sequence_start':
      found.isStart = readFlag(key, value);
      return;
    case 'sequence_end':
      found.isEnd = readFlag(key, value);
      return;
    case 'priority':
      found.priority = Number(readUnsigned(key, value));
      return;
    case 'timeout':
      found.queueTimeoutUs = Number(readUnsigned(key, value));
      return;
    case EMPTY_FINAL:
      if (readFlag(key, value)) found.wantsEmptyFinal = true;
      return;
    default:
      readFree(found, key, value);
  }
}

/** 0 and the empty string belong to no sequence. */
function readSequenceId(found: Collected, value: TensorParameter): void {
  const isText = typeof value === 'string';
  const id = isText ? value : String(readUnsigned('sequence_id', value));
  if (id === '' || (!isText && id === '0')) return;
  found.sequenceId = id;
  found.idType = isText ? 'text' : 'number';
}

function readFree(found: Collected, key: string, value: TensorParameter): void {
  if (key.startsWith('triton_'))
    throw refuse("parameter keys starting with 'triton_' are reserved for Triton usage and should not be specified.");
  if (key === '__proto__') throw refuse("the parameter name '__proto__' is not possible");
  found.free[key] = typeof value === 'bigint' ? String(value) : value;
}

function readFlag(key: string, value: TensorParameter): boolean {
  if (typeof value === 'boolean') return value;
  throw refuse(`Unable to parse '${key}': attempt to access JSON non-boolean as boolean`);
}

function readUnsigned(key: string, value: TensorParameter): number | bigint {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value;
  if (typeof value === 'bigint' && value >= 0n && value <= MOST_UINT64) return value;
  throw refuse(`Unable to parse '${key}': attempt to access JSON non-unsigned-integer as unsigned-integer`);
}
