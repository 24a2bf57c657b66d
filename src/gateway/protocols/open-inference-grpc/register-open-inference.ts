import type { GrpcApplication, MessageStream, OpenRpc } from '../grpc/index.ts';
import { GRPCInferenceService, ModelRepositoryService, type ModelInferRequest } from '../grpc/generated/index.ts';
import type { StreamedAnswer } from './encode-infer-response.ts';
import { encodeInferResponse, encodeStreamedAnswer } from './encode-infer-response.ts';
import { InferStream, type StreamRules } from './infer-stream.ts';
import { memoryMethods } from './memory-methods.ts';
import { inferOnce } from './model-infer.ts';
import { modelMethods } from './model-methods.ts';
import { repositoryMethods } from './repository-methods.ts';
import { settingMethods } from './setting-methods.ts';

/** What runs on the port once the methods are there. */
export interface OpenInferenceRpcs {
  /** Ends every stream as soon as nothing is in work on it, those that are still to come included. */
  drain(): void;
}

/** Puts Open Inference with Triton's extensions on a gRPC port. */
export function registerOpenInferenceRpcs(app: GrpcApplication, rules: StreamRules): OpenInferenceRpcs {
  const { openInference } = rules;
  const streams = new Set<InferStream>();
  let isDraining = false;
  const repository = repositoryMethods(openInference);
  app.add({
    definition: GRPCInferenceService,
    unary: {
      ...modelMethods(openInference),
      ...repository,
      ...memoryMethods(openInference),
      ...settingMethods(openInference),
      modelInfer: (request, call) => inferOnce(openInference, request, call),
    },
    probes: ['serverLive', 'serverReady'],
    streams: {
      modelStreamInfer(stream: MessageStream<ModelInferRequest, StreamedAnswer>, rpc: OpenRpc) {
        const infer = new InferStream(stream, rpc, { rules, onClosed: () => streams.delete(infer) });
        streams.add(infer);
        infer.start();
        if (isDraining) infer.drain();
      },
    },
    encoders: { modelInfer: encodeInferResponse, modelStreamInfer: encodeStreamedAnswer },
  });
  app.add({ definition: ModelRepositoryService, unary: repository });
  return {
    drain() {
      isDraining = true;
      for (const stream of streams) stream.drain();
    },
  };
}
