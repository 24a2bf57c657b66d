import type { InferenceEvent, InferenceRequest } from '../../core/inference/index.ts';
import { GatheredStream } from '../../core/inference/index.ts';
import { PlinthError } from '../../core/errors/index.ts';
import type { NextStage, StageCall } from '../stage.ts';
import { EnsembleRun } from './ensemble-run.ts';

/** What answers steps, and who is told of whole answers. */
export interface ComposeOptions {
  /** The whole path from routing on, for the requests of steps. */
  readonly path: () => NextStage;
  /** Called for every event of an ensemble's answer, the moment it is complete. */
  readonly onArrived: (call: StageCall, event: InferenceEvent) => void;
}

/** The stage that answers ensembles, out of the answers of their steps. Everything else passes. */
export function createCompose({ path, onArrived }: ComposeOptions) {
  return function compose(request: InferenceRequest, call: StageCall, next: NextStage): AsyncIterable<InferenceEvent> {
    const { model } = call;
    const config = model?.facts?.tensors?.config;
    if (model === undefined || config?.ensembleSteps === undefined) return next(request, call);
    if (model.failure !== undefined)
      throw new PlinthError({ code: 'model_not_ready', message: `The model '${model.name}' is not ready: ${model.failure}` });
    if (request.kind !== 'tensors')
      throw new PlinthError({
        code: 'unsupported_capability',
        message: `The model '${model.name}' is an ensemble: it takes tensors.`,
      });
    const outer = call.ensembles ?? [];
    if (outer.includes(model.name))
      throw new PlinthError({ code: 'invalid_request', message: `circular dependency between ensembles at '${model.name}'` });
    const inner = { ...call, ensembles: [...outer, model.name] };
    return new GatheredStream(async (reader) => {
      const run = new EnsembleRun({ request, call: inner, path: path(), name: model.name, config });
      const events = await run.finish(AbortSignal.any([call.signal, reader]));
      for (const event of events) onArrived(call, event);
      return events;
    });
  };
}
