import type { FastifyInstance } from 'fastify';
import type { InferenceEvent, Tensor } from '../../../core/inference/index.ts';
import type { ModelRepository, RoutedModel } from '../../../core/messages/index.ts';
import type { TensorModelConfig } from '../../../core/models/index.ts';
import { createLogger } from '../../../core/telemetry/index.ts';
import type { Call, InferenceDoor, ProtocolOptions } from '../inference-door.ts';
import { createOpenInference } from '../open-inference-control/index.ts';
import { FINISHED, ScriptedApplication, scriptedModel } from '../scripted-application.ts';
import { registerOpenInference } from './register-open-inference.ts';

export interface ScriptedTensorsOptions {
  readonly models?: readonly RoutedModel[];
  readonly role?: Call['principal']['role'];
  readonly repository?: ModelRepository;
  readonly sharedMemory?: 'on' | 'off';
  readonly tensorBodyBytes?: number;
}

export const quietLogger = createLogger({ level: 'info', destination: { write: () => undefined } });

/** For tests: Open Inference over HTTP on a real port, in front of a door that answers by a script. */
export function scriptedTensors(options: ScriptedTensorsOptions = {}): ScriptedApplication {
  const { models = [simpleModel()], sharedMemory = 'off', tensorBodyBytes = 100_000, role, repository } = options;
  const register = (app: FastifyInstance, door: InferenceDoor, shared: ProtocolOptions): void => {
    const open = createOpenInference({ door, isReady: () => true, logger: quietLogger, sharedMemory, version: '1.2.3' });
    app.addHook('onClose', () => open.close());
    registerOpenInference(app, open, { ...shared, tensorBodyBytes });
  };
  return new ScriptedApplication({
    models,
    protocols: [register],
    ...(role === undefined ? {} : { role }),
    ...(repository === undefined ? {} : { repository }),
  });
}

/** Two rows of sixteen integers in, two out, as the `simple` model of Triton's examples. */
export function simpleModel(config: Partial<TensorModelConfig> = {}): RoutedModel {
  const port = (name: string) => ({ name, datatype: 'INT32', dims: [16] }) as const;
  return tensorModel('simple', {
    inputs: [port('INPUT0'), port('INPUT1')],
    outputs: [port('OUTPUT0'), port('OUTPUT1')],
    ...config,
  });
}

export function tensorModel(name: string, config: Partial<TensorModelConfig>): RoutedModel {
  const model = scriptedModel(name, {
    capabilities: ['tensors'],
    tensors: {
      config: { inputs: [], outputs: [], parameters: {}, warmup: [], maxBatchSize: 8, ...config },
      platform: 'onnxruntime_onnx',
      configJson: { name, max_batch_size: config.maxBatchSize ?? 8 },
    },
  });
  return { ...model, replicas: [{ id: 'r', state: 'ready', socketPath: '', slots: 1 }] };
}

/** The events of one response with these tensors. */
export function tensorEvents(...tensors: readonly Tensor[]): InferenceEvent[] {
  return [
    ...tensors.map((tensor): InferenceEvent => ({ type: 'tensor', response: 0, tensor })),
    { type: 'response-finished', response: 0 },
    FINISHED,
  ];
}

export function int32Tensor(name: string, shape: readonly number[], values: readonly number[]): Tensor {
  return { name, datatype: 'INT32', shape, data: new Uint8Array(Int32Array.from(values).buffer) };
}
