import type { InferenceEvent, InferenceRequest } from '../../core/inference/index.ts';
import { PlinthError } from '../../core/errors/index.ts';
import type { StageCall } from '../stage.ts';
import type { ReplicaConnections } from './replica-connections.ts';

/** The last stage: hands the request to the replica that balancing chose. */
export function createForward(connections: ReplicaConnections) {
  return function forward(request: InferenceRequest, call: StageCall): AsyncIterable<InferenceEvent> {
    if (call.replica === undefined) throw new PlinthError({ code: 'internal_error', message: 'No replica was chosen.' });
    return connections.infer(call.replica, request, call.isFolded === true ? 'whole' : 'stream');
  };
}
