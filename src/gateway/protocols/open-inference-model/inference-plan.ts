import type { InferenceEvent, InferenceRequest, RequestHead } from '../../../core/inference/index.ts';
import type { Call } from '../inference-door.ts';
import { refuse, type InferenceCommand, type InferenceResponse } from '../open-inference-tensors/index.ts';
import type { OpenModel } from './open-model.ts';

/** A call on its way: what goes down the pipeline, and how the events that come back become responses. */
export interface InferencePlan {
  readonly request: InferenceRequest;
  /** Any number of responses; a dialect that has room for one refuses it. */
  readonly isDecoupled: boolean;
  /** To be given every event but `failed`; gives a response when one is complete. */
  take(event: InferenceEvent): InferenceResponse | undefined;
}

/** What each kind of plan is made from. */
export interface PlanParts {
  readonly model: OpenModel;
  readonly command: InferenceCommand;
  readonly head: RequestHead;
  /** Who answers, once that is known. */
  readonly record: Call['record'];
  /** The caller asked to be told the end by a response of its own. */
  readonly emptyFinal: 'wanted' | 'unwanted';
}

/** A response with everything but its contents. */
export function blankResponse({ model, command, record }: PlanParts): InferenceResponse {
  const isKnown = record?.model !== undefined && record.version !== undefined;
  return {
    modelName: isKnown ? record.model : model.name,
    modelVersion: isKnown ? record.version : model.version,
    id: command.id,
    parameters: {},
    outputs: [],
    isFinal: true,
  };
}

/** The last word of a decoupled answer, for those who asked for it. */
export function emptyFinal(parts: PlanParts): InferenceResponse | undefined {
  return parts.emptyFinal === 'wanted' ? blankResponse(parts) : undefined;
}

/** Throws `invalid_request` when an output is asked for that the model does not have. */
export function checkOutputs({ model, command }: PlanParts): void {
  for (const wanted of command.outputs)
    if (!model.outputs.some((port) => port.name === wanted.name))
      throw refuse(`unexpected inference output '${wanted.name}' for model '${model.name}'`);
}
