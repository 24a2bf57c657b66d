import { isServing } from '../../../core/messages/index.ts';
import type { Call, InferenceDoor, Tally, VersionStatistics } from '../inference-door.ts';
import { parseVersion, type ModelAsk } from '../open-inference-model/index.ts';
import { refuseSetting } from './settings-text.ts';

/** What Triton tells of one version, in its own words; times in nanoseconds. */
export interface ModelStatistics {
  readonly name: string;
  readonly version: string;
  /** Unix milliseconds. */
  readonly last_inference: number;
  readonly inference_count: number;
  readonly execution_count: number;
  readonly inference_stats: Readonly<Record<StatisticName, Tally>>;
  readonly response_stats: Readonly<Record<string, never>>;
  readonly batch_stats: readonly BatchStatisticsEntry[];
  readonly memory_usage: readonly never[];
}

export type StatisticName =
  'success' | 'fail' | 'queue' | 'compute_input' | 'compute_infer' | 'compute_output' | 'cache_hit' | 'cache_miss';

/** Executions of batches of one size. */
export interface BatchStatisticsEntry {
  readonly batch_size: number;
  readonly compute_input: Tally;
  readonly compute_infer: Tally;
  readonly compute_output: Tally;
}

/** Of all models for an empty name, of all versions for an empty version. Throws `invalid_request` for what does not answer now. */
export function modelStatistics(door: InferenceDoor, ask: ModelAsk, call: Call): readonly ModelStatistics[] {
  const version = parseVersion(ask.version);
  const loaded = door.models(call).filter((one) => one.facts !== undefined && isServing(one));
  const named = ask.name === '' ? loaded : loaded.filter((one) => one.name === ask.name);
  if (named.length === 0 && ask.name !== '') throw refuseSetting(`requested model '${ask.name.slice(0, 128)}' is not available`);
  const wanted = version === '' ? named : named.filter((one) => one.version === version);
  if (wanted.length === 0 && version !== '')
    throw refuseSetting(`requested model version is not available for model '${ask.name}'`);
  return wanted.map((one) => describe(one, door.statistics?.(one.name, one.version)));
}

const NOTHING: Tally = { count: 0, ns: 0 };

function describe({ name, version }: ModelAsk, known: VersionStatistics | undefined): ModelStatistics {
  return {
    name,
    version,
    last_inference: known?.lastInferenceMs ?? 0,
    inference_count: known?.inferenceCount ?? 0,
    execution_count: known?.executionCount ?? 0,
    inference_stats: {
      success: known?.success ?? NOTHING,
      fail: known?.fail ?? NOTHING,
      queue: known?.queue ?? NOTHING,
      compute_input: known?.computeInput ?? NOTHING,
      compute_infer: known?.computeInfer ?? NOTHING,
      compute_output: known?.computeOutput ?? NOTHING,
      cache_hit: known?.cacheHit ?? NOTHING,
      cache_miss: known?.cacheMiss ?? NOTHING,
    },
    response_stats: {},
    batch_stats: [...(known?.batches ?? [])]
      .toSorted(([a], [b]) => a - b)
      .map(([size, batch]) => ({
        batch_size: size,
        compute_input: batch.computeInput,
        compute_infer: batch.computeInfer,
        compute_output: batch.computeOutput,
      })),
    memory_usage: [],
  };
}
