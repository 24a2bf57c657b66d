import type { Logger } from '../../../core/telemetry/index.ts';
import type { InferenceDoor } from '../inference-door.ts';
import { LogSettings } from './log-settings.ts';
import { SharedMemoryRegions } from './shared-memory.ts';
import { TraceSettings } from './trace-settings.ts';

/** What the parts that all dialects share are made from. */
export interface OpenInferenceOptions {
  readonly door: InferenceDoor;
  readonly isReady: () => boolean;
  readonly logger: Logger;
  readonly sharedMemory: 'on' | 'off';
  /** The product's version. */
  readonly version: string;
}

/** What the dialects of Open Inference on one gateway have in common. */
export interface OpenInference {
  readonly door: InferenceDoor;
  readonly metadata: PlatformMetadata;
  readonly regions: SharedMemoryRegions;
  readonly trace: TraceSettings;
  readonly logging: LogSettings;
  isReady(): boolean;
  /** Lets go of the shared memory. */
  close(): Promise<void>;
}

/** Who answers, and which extensions of the protocol it knows, in Triton's order. */
export interface PlatformMetadata {
  readonly name: string;
  readonly version: string;
  readonly extensions: readonly string[];
}

/** Stock clients check for this name. */
const NAME = 'triton';
const SHARED_MEMORY = 'system_shared_memory';
const EXTENSIONS = [
  'classification',
  'sequence',
  'model_repository',
  'model_repository(unload_dependents)',
  'schedule_policy',
  'model_configuration',
  SHARED_MEMORY,
  'binary_tensor_data',
  'parameters',
  'statistics',
  'trace',
  'logging',
];

/** One per gateway: shared memory, trace and log settings are the same through every dialect. */
export function createOpenInference(options: OpenInferenceOptions): OpenInference {
  const { door, isReady, logger, version, sharedMemory } = options;
  const extensions = EXTENSIONS.filter((extension) => sharedMemory === 'on' || extension !== SHARED_MEMORY);
  const regions = new SharedMemoryRegions(sharedMemory);
  return {
    door,
    isReady,
    metadata: { name: NAME, version, extensions },
    regions,
    trace: new TraceSettings(),
    logging: new LogSettings(logger),
    close: () => regions.close(),
  };
}
