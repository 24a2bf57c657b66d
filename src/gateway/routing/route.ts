import type { InferenceEvent, InferenceRequest } from '../../core/inference/index.ts';
import type { SnapshotSource } from '../../core/messages/index.ts';
import type { NextStage, StageCall } from '../stage.ts';
import { chooseVersion } from './choose-version.ts';

/** The stage that decides which model answers. Throws `model_not_found`. */
export function createRoute(snapshots: SnapshotSource) {
  return function route(request: InferenceRequest, call: StageCall, next: NextStage): AsyncIterable<InferenceEvent> {
    return next(request, {
      ...call,
      model: chooseVersion({ name: request.model, version: request.version }, snapshots.current().models),
    });
  };
}
