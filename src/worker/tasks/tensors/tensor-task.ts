import { PlinthError } from '../../../core/errors/index.ts';
import type { InferenceEvent, InferenceRequest, Tensor, TensorRequest } from '../../../core/inference/index.ts';
import type { ModelFacts } from '../../../core/models/index.ts';
import type { LoadedGraph } from '../../graph.ts';
import type { ItemOutcome, StepReport, Task } from '../../task.ts';
import { arrangeParts, buildFeeds, groupByStates, type BatchPart, type SeatedPart } from './build-feeds.ts';
import { readRequest, type TensorItem } from './read-request.ts';
import { SequenceStates } from './sequence-states.ts';
import { splitOutput, splitRows, UnsplittableOutput } from './split-outputs.ts';
import type { PlannedPort, Ranks, TensorPlan } from './tensor-plan.ts';

interface TensorTaskOptions {
  readonly graph: LoadedGraph;
  readonly plan: TensorPlan;
  readonly ranks: Ranks;
  readonly facts: ModelFacts;
}

/** Times of one execution, summed over the runs it took. */
interface Clock {
  inputMs: number;
  inferMs: number;
  outputMs: number;
}

/** Arrays in, arrays out: the request's tensors go to the graph as they are. */
export class TensorTask implements Task<TensorItem> {
  readonly facts: ModelFacts;
  readonly maxBatchRows: number;
  readonly threads: number;
  readonly #graph: LoadedGraph;
  readonly #plan: TensorPlan;
  readonly #ranks: Ranks;
  readonly #states: SequenceStates;
  #probe: TensorRequest | undefined;
  /** The graph's outputs do not say which row is whose: from then on each request goes alone. */
  #isUnsplittable = false;
  #loneItems = 0;

  constructor({ graph, plan, ranks, facts }: TensorTaskOptions) {
    this.#graph = graph;
    this.#plan = plan;
    this.#ranks = ranks;
    this.facts = facts;
    this.threads = graph.threads;
    this.maxBatchRows = Math.max(1, plan.config.maxBatchSize);
    this.#states = new SequenceStates(plan.states);
  }

  prepare(request: InferenceRequest): readonly TensorItem[] {
    if (request.kind !== 'tensors') {
      const message = `The model '${this.#plan.model}' takes tensors; this is a request of the kind '${request.kind}'.`;
      throw new PlinthError({ code: 'unsupported_capability', message });
    }
    if (request === this.#probe && request.inputs.length === 0) return [];
    const item = readRequest(request, this.#plan);
    return [this.#isUnsplittable ? { ...item, shapeClass: `alone:${this.#loneItems++}` } : item];
  }

  execute(items: readonly TensorItem[], slots?: readonly number[]): StepReport {
    const outcomes: ItemOutcome[] = [];
    const clock: Clock = { inputMs: 0, inferMs: 0, outputMs: 0 };
    const seated = items.map((item, index): SeatedPart => {
      const slot = slots?.[index];
      const states =
        slot === undefined ? this.#states.initial : this.#states.read(slot, item.sequence?.isStart ? 'start' : 'later');
      return { item, states, isReady: true, index, slot };
    });
    for (const group of groupByStates(seated)) this.#run(group, { outcomes, clock });
    return { outcomes, ...clock };
  }

  probe(): TensorRequest {
    return this.#probe ?? { kind: 'tensors', id: 'probe', model: this.#plan.model, timeLeftMs: 0, inputs: [], parameters: {} };
  }

  /** From now on this request shows that the model answers. One without inputs asks the loop alone. */
  probeWith(request: TensorRequest): void {
    this.#probe = request;
  }

  close(): void {
    this.#graph.close();
  }

  #run(group: readonly SeatedPart[], { outcomes, clock }: { readonly outcomes: ItemOutcome[]; readonly clock: Clock }): void {
    const startedAt = performance.now();
    const parts = arrangeParts(group, this.#plan);
    const wanted = this.#wantedBy(group);
    const names = wanted.map(({ port }) => port.name);
    const feeds = buildFeeds(parts, this.#plan, this.#ranks);
    const builtAt = performance.now();
    const results = this.#graph.run(feeds, [...names, ...this.#plan.states.map(({ outputName }) => outputName)]);
    const ranAt = performance.now();
    const pieces = wanted.map((planned, place) => this.#split(results[place] as Tensor, planned, parts));
    this.#keepStates(results.slice(names.length), parts);
    parts.forEach((part, place) => {
      if (part.index < 0) return;
      const own = new Map(wanted.map(({ port }, output) => [port.name, pieces[output]?.[place] as Tensor]));
      outcomes[part.index] = { type: 'finished', events: this.#answer(part.item, own) };
    });
    clock.inputMs += builtAt - startedAt;
    clock.inferMs += ranAt - builtAt;
    clock.outputMs += performance.now() - ranAt;
  }

  #wantedBy(group: readonly SeatedPart[]): readonly PlannedPort[] {
    if (group.some(({ item }) => item.wanted === undefined)) return this.#plan.outputs;
    const wanted = new Set(group.flatMap(({ item }) => item.wanted ?? []));
    return this.#plan.outputs.filter((_, index) => wanted.has(index));
  }

  #split(output: Tensor, planned: PlannedPort, parts: readonly BatchPart[]): readonly Tensor[] {
    try {
      return splitOutput(output, planned, { parts, plan: this.#plan });
    } catch (error) {
      if (error instanceof UnsplittableOutput && this.#plan.seating === 'none') this.#isUnsplittable = true;
      throw error;
    }
  }

  #keepStates(outputs: readonly Tensor[], parts: readonly SeatedPart[]): void {
    if (outputs.length === 0) return;
    const rows = parts.map(() => 1);
    const pieces = outputs.map((output) => {
      if (!this.#plan.isBatched) return [output];
      return splitRows(output, rows).map((tensor) => ({ ...tensor, shape: tensor.shape.slice(1) }));
    });
    parts.forEach(({ slot, index, item }, place) => {
      if (slot === undefined || index < 0) return;
      if (item.sequence?.isEnd) this.#states.forget(slot);
      // A copy: the piece is a view of a whole batch's memory, and may be held for long.
      else
        this.#states.write(
          slot,
          pieces.map((of) => copyTensor(of[place] as Tensor)),
        );
    });
  }

  #answer({ wanted }: TensorItem, own: ReadonlyMap<string, Tensor>): readonly InferenceEvent[] {
    const ports = wanted === undefined ? this.#plan.outputs : wanted.map((index) => this.#plan.outputs[index] as PlannedPort);
    const events: InferenceEvent[] = [];
    for (const { port } of ports) events.push({ type: 'tensor', response: 0, tensor: own.get(port.name) as Tensor });
    events.push({ type: 'response-finished', response: 0 });
    return events;
  }
}

function copyTensor(tensor: Tensor): Tensor {
  return { ...tensor, data: new Uint8Array(tensor.data) };
}
