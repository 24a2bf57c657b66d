import { PlinthError } from '../../../core/errors/index.ts';
import type { Call } from '../inference-door.ts';
import type { OpenInference } from '../open-inference-control/index.ts';
import { findOpenModel, planInference, type InferencePlan } from '../open-inference-model/index.ts';
import { sequenceKeyOf, type InferenceResponse } from '../open-inference-tensors/index.ts';
import type { ModelInferRequest } from '../grpc/generated/index.ts';
import { readInferRequest, type InferOrder } from './read-infer-request.ts';
import { readParameters } from './rpc-parameters.ts';

/** A request that has been checked against its model, and where its outputs go. */
export interface ReadyInference {
  readonly plan: InferencePlan;
  readonly order: InferOrder;
}

/** Reads and checks a request. Gives a promise only when an input is in shared memory, so that requests of a sequence keep their order. */
export function prepareInference(
  openInference: OpenInference,
  message: ModelInferRequest,
  call: Call,
): ReadyInference | Promise<ReadyInference> {
  const sequence = (): string => sequenceKeyOf(readParameters(message.parameters));
  const model = findOpenModel(openInference.door, { name: message.modelName, version: message.modelVersion, sequence }, call);
  const ready = (order: InferOrder): ReadyInference => ({ order, plan: planInference(model, order.command, call) });
  const order = readInferRequest(message, openInference.regions);
  return order instanceof Promise ? order.then(ready) : ready(order);
}

/** One request, one response. Throws `unsupported_capability` for a model with any number of them. */
export async function inferOnce(
  openInference: OpenInference,
  message: ModelInferRequest,
  call: Call,
): Promise<InferenceResponse> {
  const prepared = prepareInference(openInference, message, call);
  const { plan, order } = prepared instanceof Promise ? await prepared : prepared;
  if (plan.isDecoupled) {
    const text = "ModelInfer RPC doesn't support models with decoupled transaction policy";
    throw new PlinthError({ code: 'unsupported_capability', message: text });
  }
  let response: InferenceResponse | undefined;
  for await (const event of openInference.door.infer(plan.request, { ...call, isFolded: true })) {
    if (event.type === 'failed') throw new PlinthError(event.error);
    response = plan.take(event) ?? response;
  }
  if (response === undefined)
    throw new PlinthError({ code: 'internal_error', message: 'The answer ended before it was complete.' });
  return order.outputMemory === undefined ? response : placeOutputs(openInference, order, response);
}

/** Writes the outputs that do not travel to where the caller wants them. */
export async function placeOutputs(
  { regions }: OpenInference,
  { outputMemory }: InferOrder,
  response: InferenceResponse,
): Promise<InferenceResponse> {
  const outputs = response.outputs.map(async (tensor) => {
    const part = outputMemory?.get(tensor.name);
    if (part === undefined) return tensor;
    await regions.write(part, tensor.name, tensor.data);
    return { ...tensor, data: new Uint8Array(0) };
  });
  return { ...response, outputs: await Promise.all(outputs) };
}
