import { PlinthError } from '../../../core/errors/index.ts';
import type { Call } from '../inference-door.ts';
import {
  loadModel,
  repositoryIndex,
  unloadModel,
  type OpenInference,
  type RepositoryOrder,
} from '../open-inference-control/index.ts';
import type {
  RepositoryIndexRequest,
  RepositoryModelLoadRequest,
  RepositoryModelUnloadRequest,
} from '../grpc/generated/index.ts';

/** Loading and unloading by name, for all dialects. */
export function repositoryMethods({ door }: OpenInference) {
  return {
    repositoryIndex({ repositoryName, ready }: RepositoryIndexRequest, call: Call) {
      refuseRepository(repositoryName);
      return { models: repositoryIndex(door, { ready: ready ? 'only' : 'all' }, call).map((entry) => ({ ...entry })) };
    },
    async repositoryModelLoad(request: RepositoryModelLoadRequest, call: Call) {
      const order = orderOf(request);
      await loadModel(door, order, call);
      return { modelName: order.model, isLoaded: true };
    },
    async repositoryModelUnload(request: RepositoryModelUnloadRequest, call: Call) {
      const order = orderOf(request);
      await unloadModel(door, order, call);
      return { modelName: order.model, isUnloaded: true };
    },
  };
}

/** KServe has the model's name where the others have the repository's, and nothing else. */
function orderOf(request: RepositoryModelLoadRequest | RepositoryModelUnloadRequest): RepositoryOrder {
  const { repositoryName, modelName } = request;
  if (modelName !== '') refuseRepository(repositoryName);
  const parameters = new Map<string, string | boolean | bigint | Uint8Array>();
  for (const [name, { parameterChoice }] of Object.entries(request.parameters))
    if (parameterChoice.case !== undefined) parameters.set(name, parameterChoice.value);
  return { model: modelName === '' ? repositoryName : modelName, parameters };
}

function refuseRepository(name: string): void {
  if (name === '') return;
  throw new PlinthError({ code: 'unsupported_capability', message: "'repository_name' specification is not supported" });
}
