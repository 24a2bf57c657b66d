import { PlinthError } from '../../../core/errors/index.ts';
import type { RequestHead } from '../../../core/inference/index.ts';
import type { Call } from '../inference-door.ts';
import { readRequestParameters, type InferenceCommand } from '../open-inference-tensors/index.ts';
import { EmbeddingPlan } from './embedding-plan.ts';
import type { InferencePlan, PlanParts } from './inference-plan.ts';
import { LanguagePlan } from './language-plan.ts';
import type { OpenModel } from './open-model.ts';
import { TensorPlan } from './tensor-plan.ts';

/**
 * Checks a call against its model and turns it into a request of own words. Throws `invalid_request` with Triton's words, and
 * `unsupported_capability` for a model that is not reached by tensors.
 */
export function planInference(model: OpenModel, command: InferenceCommand, call: Call): InferencePlan {
  const parameters = readRequestParameters(command.parameters);
  const parts: PlanParts = {
    model,
    command,
    head: headOf(model, call),
    record: call.record,
    emptyFinal: parameters.wantsEmptyFinal === true ? 'wanted' : 'unwanted',
  };
  switch (model.kind) {
    case 'tensors':
      return new TensorPlan(parts, parameters);
    case 'generate':
      return new LanguagePlan(parts);
    case 'embed':
      return new EmbeddingPlan(parts);
    case 'other': {
      const message = `the model '${model.name}' takes no tensors; it is reached by the endpoints of its own task`;
      throw new PlinthError({ code: 'unsupported_capability', message });
    }
  }
}

/** The version is named so that a change of the newest one does not part a request from the model that it was checked against. */
function headOf(model: OpenModel, call: Call): RequestHead {
  return {
    id: call.requestId,
    model: model.name,
    version: model.version,
    timeLeftMs: Math.max(0, Math.round(call.deadlineMs - performance.now())),
  };
}
