import type { ModelRepository, SnapshotSource } from '../core/messages/index.ts';
import type { StatisticsBook } from './observing/index.ts';
import type { Pipeline } from './pipeline.ts';
import type { Call, InferenceDoor } from './protocols/index.ts';
import type { StageCall } from './stage.ts';

export interface DoorOptions {
  readonly pipeline: Pipeline;
  readonly snapshots: SnapshotSource;
  readonly statistics: StatisticsBook;
  readonly repository: ModelRepository | undefined;
}

/** What protocols may ask of the gateway. */
export function createDoor({ pipeline, snapshots, statistics, repository }: DoorOptions): InferenceDoor {
  return {
    infer: (request, call) =>
      pipeline.infer(request, hasRecord(call) ? call : { ...call, record: { startedMs: performance.now(), deltas: 0 } }),
    models: () => snapshots.current().models,
    statistics: (model, version) => statistics.find(model, version),
    repository,
  };
}

/** Calls of HTTP requests, and copies of them, bring the record that their log line is written from. */
function hasRecord(call: Call): call is StageCall {
  return 'record' in call;
}
