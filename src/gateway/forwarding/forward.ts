import { PlinthError } from '../../core/errors/index.ts';
import type { InferenceEvent, InferenceRequest } from '../../core/inference/index.ts';
import type { StageCall } from '../stage.ts';
import type { ReplicaConnections } from './replica-connections.ts';
import type { Upstreams } from './upstreams/index.ts';

/** Where replicas are reached: those of this machine, and those that others run. */
export interface ForwardOptions {
  readonly connections: ReplicaConnections;
  readonly upstreams: Upstreams;
}

/** The last stage: hands the request to the replica that balancing chose. */
export function createForward({ connections, upstreams }: ForwardOptions) {
  return function forward(request: InferenceRequest, { replica, isFolded }: StageCall): AsyncIterable<InferenceEvent> {
    if (replica === undefined) throw new PlinthError({ code: 'internal_error', message: 'No replica was chosen.' });
    if (replica.upstream !== undefined) return upstreams.infer(replica.upstream, request);
    return connections.infer(replica, request, isFolded === true ? 'whole' : 'stream');
  };
}
