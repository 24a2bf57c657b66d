import type { InferenceEvent, InferenceRequest } from '../../core/inference/index.ts';
import { isServing, type SnapshotSource } from '../../core/messages/index.ts';
import type { NextStage, StageCall } from '../stage.ts';
import type { Routed } from './choose-version.ts';
import { createRouter, isCallers, type Router } from './router.ts';

/** The stage that decides which version answers. Throws what the choice throws. */
export function createRoute(snapshots: SnapshotSource) {
  const router = createRouter(snapshots);
  return function route(request: InferenceRequest, call: StageCall, next: NextStage): AsyncIterable<InferenceEvent> {
    const routed = router.take(request, call);
    const { record } = call;
    record.model = routed.model.name;
    (record.routes ??= []).push(routed.choice);
    return next(nameVersion(request, routed), addRoute(call, routed, router));
  };
}

/** A version that serves now is named, so that the request goes there even when that version begins to leave meanwhile. */
function nameVersion(request: InferenceRequest, { model }: Routed): InferenceRequest {
  const version = isServing(model) ? model.version : request.version;
  if (request.model === model.name && request.version === version) return request;
  return { ...request, model: model.name, ...(version === undefined ? {} : { version }) };
}

/** What was found out about the ensemble that a request is a step of is not about the step. */
function addRoute(call: StageCall, { model, choice }: Routed, router: Router): StageCall {
  const line = router.line(model.name);
  const traffic = isCallers(call) ? line?.traffic?.traffic : undefined;
  return { ...call, model, route: choice, traffic, hasSiblings: line !== undefined && line.versions.length > 1 };
}
