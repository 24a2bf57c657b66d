import { PlinthError } from '../../../core/errors/index.ts';
import type { InferenceEvent, InferenceRequest, Tensor, TensorRequest } from '../../../core/inference/index.ts';
import type { ModelFacts } from '../../../core/models/index.ts';
import type { ItemOutcome, StepReport, Task } from '../../task.ts';
import { readRequest, type TensorItem, type TensorPlan } from '../tensors/index.ts';
import { tensorAt, type Operator, type OperatorWork } from './operator.ts';

const PROBE_MS = 60_000;

interface OperatorItem extends TensorItem {
  readonly work: OperatorWork;
}

interface OperatorTaskOptions {
  readonly operator: Operator;
  readonly plan: TensorPlan;
  readonly facts: ModelFacts;
}

/** Runs an operator as a tensor model: a request at a time, checked as every other request for tensors is. */
export class OperatorTask implements Task<OperatorItem> {
  readonly facts: ModelFacts;
  readonly maxBatchRows = 1;
  readonly mostPreparing = 2;
  readonly threads = 1;
  readonly #operator: Operator;
  readonly #plan: TensorPlan;
  /** Without inputs: it shows that the loop answers. */
  readonly #probe: TensorRequest;

  constructor({ operator, plan, facts }: OperatorTaskOptions) {
    this.facts = facts;
    this.#operator = operator;
    this.#plan = plan;
    this.#probe = { kind: 'tensors', id: 'probe', model: plan.model, timeLeftMs: PROBE_MS, inputs: [], parameters: {} };
  }

  async prepare(request: InferenceRequest): Promise<readonly OperatorItem[]> {
    if (request.kind !== 'tensors') {
      const message = `The model '${this.#plan.model}' takes tensors; this is a request of the kind '${request.kind}'.`;
      throw new PlinthError({ code: 'unsupported_capability', message });
    }
    if (request === this.#probe) return [];
    const item = readRequest(request, this.#plan);
    const given = item.inputs.filter((tensor) => tensor !== undefined);
    const work = await this.#operator.begin(this.#operator.inputs.map(({ name }) => tensorNamed(given, name)));
    return [{ ...item, work }];
  }

  execute(items: readonly OperatorItem[]): StepReport {
    const startedAt = performance.now();
    const outcomes = items.map((item): ItemOutcome => ({ type: 'finished', events: this.#answer(item, item.work()) }));
    return { outcomes, inputMs: 0, inferMs: performance.now() - startedAt, outputMs: 0 };
  }

  probe(): TensorRequest {
    return this.#probe;
  }

  close(): void {
    // There is nothing to let go of.
  }

  #answer({ wanted }: OperatorItem, outputs: readonly Tensor[]): readonly InferenceEvent[] {
    const names = this.#plan.config.outputs.map(({ name }) => name);
    const asked = wanted === undefined ? names : wanted.flatMap((index) => names[index] ?? []);
    const tensors = asked.map((name): InferenceEvent => {
      return { type: 'tensor', response: 0, tensor: tensorNamed(outputs, name) };
    });
    return [...tensors, { type: 'response-finished', response: 0 }];
  }
}

/** Configuration and request were checked: the tensor is there. */
function tensorNamed(tensors: readonly Tensor[], name: string): Tensor {
  return tensorAt(
    tensors,
    tensors.findIndex((tensor) => tensor.name === name),
  );
}
