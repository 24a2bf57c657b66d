import { PlinthError } from '../core/errors/index.ts';
import type { EvidenceSink, ModelRepository, SnapshotSource } from '../core/messages/index.ts';
import type { StatisticsBook } from './observing/index.ts';
import type { Pipeline } from './pipeline.ts';
import type { Call, InferenceDoor } from './protocols/index.ts';
import { createRouter } from './routing/index.ts';
import { beginRecord, type StageCall } from './stage.ts';

export interface DoorOptions {
  readonly pipeline: Pipeline;
  readonly snapshots: SnapshotSource;
  readonly statistics: StatisticsBook;
  readonly repository: ModelRepository | undefined;
  /** Where feedback goes; without it no answer is known. */
  readonly feedback?: EvidenceSink['feedback'] | undefined;
}

/** What protocols may ask of the gateway. */
export function createDoor({ pipeline, snapshots, statistics, repository, feedback }: DoorOptions): InferenceDoor {
  const router = createRouter(snapshots);
  return {
    infer: (request, call) =>
      pipeline.infer(request, hasRecord(call) ? call : { ...call, record: beginRecord(performance.now()) }),
    models: () => snapshots.current().models,
    choose: (wanted, call) => router.choose(wanted, hasRecord(call) ? call : { principal: call.principal, ...headersOf(call) }),
    aliases: (model) => router.line(model)?.traffic?.traffic.aliases ?? {},
    feedback: feedback ?? refuseFeedback,
    statistics: (model, version) => statistics.find(model, version),
    repository,
  };
}

/** Calls of HTTP requests and RPCs, and copies of them, bring the record that their log line is written from. */
function hasRecord(call: Call): call is StageCall {
  return 'record' in call;
}

function headersOf({ headers }: Call): Pick<Call, 'headers'> {
  return headers === undefined ? {} : { headers };
}

function refuseFeedback({ requestId }: { readonly requestId: string }): Promise<never> {
  const message = `No answer '${requestId.slice(0, 128)}' is kept to give feedback on.`;
  return Promise.reject(new PlinthError({ code: 'not_found', message, param: 'request_id' }));
}
