import { errorFactsOf, PlinthError, type ErrorCode, type ErrorFacts } from '../../core/errors/index.ts';
import type { InferenceEvent, Tensor, TensorRequest, Usage } from '../../core/inference/index.ts';
import type { EnsembleStep, TensorFacts } from '../../core/models/index.ts';
import { beginRecord, type NextStage, type StageCall } from '../stage.ts';
import { chooseSteps } from './choose-steps.ts';

export interface EnsembleRunOptions {
  readonly request: TensorRequest;
  readonly call: StageCall;
  readonly path: NextStage;
  readonly name: string;
  readonly config: TensorFacts['config'];
}

/** One request on its way through the steps of an ensemble: each runs as soon as its inputs are there. */
export class EnsembleRun {
  readonly #options: EnsembleRunOptions;
  readonly #tensors = new Map<string, Tensor>();
  readonly #startedMs = performance.now();
  readonly #wanted: readonly string[];
  readonly #usages: Usage[] = [];

  constructor(options: EnsembleRunOptions) {
    this.#options = options;
    for (const tensor of options.request.inputs) this.#tensors.set(tensor.name, tensor);
    this.#wanted = options.request.outputs ?? options.config.outputs.map((port) => port.name);
  }

  /** The whole answer, or one `failed` that names the step at fault. Never rejects. */
  async finish(signal: AbortSignal): Promise<readonly InferenceEvent[]> {
    const stop = new AbortController();
    try {
      const unknown = this.#wanted.find((name) => this.#options.config.outputs.every((port) => port.name !== name));
      if (unknown !== undefined) throw this.#refuse(`unexpected inference output '${unknown}' for model '${this.#options.name}'`);
      await this.#runSteps(AbortSignal.any([signal, stop.signal]));
      return this.#answer();
    } catch (error) {
      stop.abort();
      return [{ type: 'failed', error: errorFactsOf(error) }];
    }
  }

  /** Resolves when all needed steps are done; rejects with the first failure. */
  async #runSteps(signal: AbortSignal): Promise<void> {
    const { ensembleSteps = [], inputs } = this.#options.config;
    const steps = chooseSteps(ensembleSteps, this.#wanted);
    const needed = new Set([...this.#wanted, ...steps.flatMap((step) => Object.values(step.inputMap))]);
    const made = new Map<string, Promise<void>>(inputs.map((port) => [port.name, Promise.resolve()]));
    const makers = new Map(steps.flatMap((step) => Object.values(step.outputMap).map((name) => [name, step] as const)));
    const runs = new Map<EnsembleStep, Promise<void>>();
    const run = (step: EnsembleStep): Promise<void> => {
      const known = runs.get(step);
      if (known !== undefined) return known;
      const sources = Object.values(step.inputMap).map((name) => made.get(name) ?? whenMade(name));
      const own = Promise.all(sources).then(() => this.#runStep(step, { needed, signal }));
      runs.set(step, own);
      return own;
    };
    // Configurations whose steps wait for each other are refused before they are served.
    const whenMade = (name: string): Promise<void> => {
      const maker = makers.get(name);
      return maker === undefined ? Promise.resolve() : run(maker);
    };
    await Promise.all(steps.map(run));
  }

  async #runStep(step: EnsembleStep, how: { readonly needed: ReadonlySet<string>; readonly signal: AbortSignal }): Promise<void> {
    const wanted = Object.entries(step.outputMap).filter(([, name]) => how.needed.has(name));
    const request = this.#requestOf(
      step,
      wanted.map(([inner]) => inner),
    );
    const events = this.#begin(step, request, how.signal);
    const answer = new Map<string, Tensor>();
    for await (const event of events) {
      if (event.type === 'failed') throw this.#stepFailure(step, event.error);
      if (event.type === 'usage-report') this.#usages.push(event.usage);
      if (event.type !== 'tensor') continue;
      if (event.response > 0) throw this.#stepFailure(step, { code: 'engine_failed', message: 'it gave more than one response' });
      answer.set(event.tensor.name, event.tensor);
    }
    for (const [inner, name] of wanted) {
      const tensor = answer.get(inner);
      if (tensor === undefined) throw this.#stepFailure(step, { code: 'engine_failed', message: `it gave no output '${inner}'` });
      this.#tensors.set(name, { ...tensor, name });
    }
  }

  /** Routing and other stages refuse by throwing, before there are any events. */
  #begin(step: EnsembleStep, request: TensorRequest, signal: AbortSignal): AsyncIterable<InferenceEvent> {
    try {
      return this.#options.path(request, this.#callOf(signal));
    } catch (error) {
      throw this.#stepFailure(step, errorFactsOf(error));
    }
  }

  /** An optional input of the ensemble that was not sent is not sent on. */
  #requestOf(step: EnsembleStep, outputs: readonly string[]): TensorRequest {
    const { version: _, ...request } = this.#options.request;
    const inputs = Object.entries(step.inputMap).flatMap(([inner, name]) => {
      const tensor = this.#tensors.get(name);
      return tensor === undefined ? [] : [{ ...tensor, name: inner }];
    });
    return { ...request, model: step.model, ...(step.version !== undefined && { version: step.version }), inputs, outputs };
  }

  #callOf(signal: AbortSignal): StageCall {
    const { model: _, replica: __, ...call } = this.#options.call;
    return { ...call, signal, isFolded: true, record: beginRecord(performance.now()) };
  }

  #answer(): readonly InferenceEvent[] {
    const tensors = this.#wanted.map((name): InferenceEvent => {
      const tensor = this.#tensors.get(name);
      if (tensor === undefined) throw this.#refuse(`in ensemble '${this.#options.name}', the output '${name}' was not made`);
      return { type: 'tensor', response: 0, tensor };
    });
    const inferMs = performance.now() - this.#startedMs;
    const [first] = this.#options.request.inputs;
    const rows = this.#options.config.maxBatchSize > 0 ? (first?.shape[0] ?? 1) : 1;
    const execution = { batchRows: rows, ownRows: rows, isLead: true, inputMs: 0, inferMs, outputMs: 0 };
    return [
      ...tensors,
      { type: 'response-finished', response: 0 },
      ...(this.#usages.length === 0 ? [] : [{ type: 'usage-report' as const, usage: this.#usages.reduce(addUsage) }]),
      { type: 'finished', timings: { queueMs: 0, prefillMs: inferMs, decodeMs: 0, execution } },
    ];
  }

  #stepFailure(step: EnsembleStep, { code, message, retryAfterMs }: ErrorFacts): PlinthError {
    const own: ErrorCode = code === 'model_not_found' || code === 'version_not_found' ? 'model_not_ready' : code;
    const told = `in ensemble '${this.#options.name}', step '${step.model}': ${message}`;
    return new PlinthError({ code: own, message: told, ...(retryAfterMs !== undefined && { retryAfterMs }) });
  }

  #refuse(message: string): PlinthError {
    return new PlinthError({ code: 'invalid_request', message });
  }
}

function addUsage(a: Usage, b: Usage): Usage {
  return {
    promptTokens: a.promptTokens + b.promptTokens,
    cachedTokens: a.cachedTokens + b.cachedTokens,
    completionTokens: a.completionTokens + b.completionTokens,
  };
}
