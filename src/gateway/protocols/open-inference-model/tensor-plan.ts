import type { InferenceEvent, Tensor, TensorRequest } from '../../../core/inference/index.ts';
import {
  checkInputs,
  classifyTensor,
  type InferenceResponse,
  type RequestParameters,
  type WantedOutput,
} from '../open-inference-tensors/index.ts';
import { blankResponse, checkOutputs, emptyFinal, type InferencePlan, type PlanParts } from './inference-plan.ts';

/** Arrays in, arrays out. */
export class TensorPlan implements InferencePlan {
  readonly request: TensorRequest;
  readonly isDecoupled: boolean;
  readonly #parts: PlanParts;
  readonly #classified: readonly WantedOutput[];
  #outputs: Tensor[] = [];

  constructor(parts: PlanParts, parameters: RequestParameters) {
    const { model, command } = parts;
    checkInputs(model, command.inputs);
    checkOutputs(parts);
    this.#parts = parts;
    this.isDecoupled = model.isDecoupled;
    this.#classified = command.outputs.filter(({ classification }) => classification !== undefined && classification > 0);
    const { sequence, priority, queueTimeoutUs, free } = parameters;
    this.request = {
      kind: 'tensors',
      ...parts.head,
      inputs: command.inputs,
      ...(command.outputs.length === 0 ? {} : { outputs: command.outputs.map(({ name }) => name) }),
      parameters: free,
      ...(priority === undefined ? {} : { priority }),
      ...(queueTimeoutUs === undefined ? {} : { queueTimeoutUs }),
      ...(sequence === undefined ? {} : { sequence }),
    };
  }

  take(event: InferenceEvent): InferenceResponse | undefined {
    if (event.type === 'tensor') {
      if (this.#isWanted(event.tensor.name)) this.#outputs.push(this.#classify(event.tensor));
      return undefined;
    }
    if (event.type === 'response-finished') {
      const outputs = this.#outputs;
      this.#outputs = [];
      return { ...blankResponse(this.#parts), parameters: event.parameters ?? {}, outputs, isFinal: !this.isDecoupled };
    }
    return event.type === 'finished' && this.isDecoupled ? emptyFinal(this.#parts) : undefined;
  }

  #isWanted(name: string): boolean {
    const { outputs } = this.request;
    return outputs === undefined || outputs.includes(name);
  }

  #classify(tensor: Tensor): Tensor {
    if (this.#classified.length === 0) return tensor;
    const count = this.#classified.find(({ name }) => name === tensor.name)?.classification;
    if (count === undefined) return tensor;
    const { model } = this.#parts;
    const labels = model.outputs.find(({ name }) => name === tensor.name)?.labels;
    return classifyTensor(tensor, { count, labels, rows: model.maxBatchSize > 0 ? 'batched' : 'single' });
  }
}
