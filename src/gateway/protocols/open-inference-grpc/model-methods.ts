import { fromJson, fromJsonString, type JsonValue, type MessageInitShape } from '@bufbuild/protobuf';
import type { Call } from '../inference-door.ts';
import { modelStatistics, type OpenInference } from '../open-inference-control/index.ts';
import { isModelReady, modelConfig, modelMetadata, type ModelAsk, type TensorMetadata } from '../open-inference-model/index.ts';
import {
  ModelConfigSchema,
  ModelStatisticsSchema,
  type ModelMetadataResponseSchema,
  type ModelConfigResponseSchema,
  type ModelStatisticsResponseSchema,
} from '../grpc/generated/index.ts';

/** What is asked about the platform and its models. */
export function modelMethods(openInference: OpenInference) {
  const { door } = openInference;
  return {
    serverLive: () => ({ live: true }),
    serverReady: () => ({ ready: openInference.isReady() }),
    modelReady: (ask: ModelAsk, call: Call) => ({ ready: isModelReady(door, ask, call) }),
    serverMetadata: () => ({ ...openInference.metadata, extensions: [...openInference.metadata.extensions] }),
    modelMetadata(ask: ModelAsk, call: Call): MessageInitShape<typeof ModelMetadataResponseSchema> {
      const { name, versions, platform, inputs, outputs } = modelMetadata(door, ask, call);
      return { name, versions: [...versions], platform, inputs: inputs.map(showTensor), outputs: outputs.map(showTensor) };
    },
    modelConfig(ask: ModelAsk, call: Call): MessageInitShape<typeof ModelConfigResponseSchema> {
      return { config: fromJson(ModelConfigSchema, modelConfig(door, ask, call) as JsonValue, { ignoreUnknownFields: true }) };
    },
    modelStatistics(ask: ModelAsk, call: Call): MessageInitShape<typeof ModelStatisticsResponseSchema> {
      const all = modelStatistics(door, ask, call);
      return { modelStats: all.map((one) => fromJsonString(ModelStatisticsSchema, JSON.stringify(one))) };
    },
  };
}

function showTensor({ name, datatype, shape }: TensorMetadata): { name: string; datatype: string; shape: bigint[] } {
  return { name, datatype, shape: shape.map(BigInt) };
}
