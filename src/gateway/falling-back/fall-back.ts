import { PlinthError, type ErrorCode, type ErrorFacts } from '../../core/errors/index.ts';
import type { InferenceEvent, InferenceRequest } from '../../core/inference/index.ts';
import { isServing, type RoutedModel } from '../../core/messages/index.ts';
import type { RouteChoice } from '../../core/traffic/index.ts';
import { beginAttempt, type NextStage, type StageCall } from '../stage.ts';
import { canAnswer } from './can-answer.ts';
import { FallbackStream, type FallbackGuide } from './fallback-stream.ts';

/** What falling back asks of the rest of the gateway. */
export interface FallbackOptions {
  /** The version that a target (`3`, `@alias`, `model`, `model:3`, `model@alias`) of this model means now; undefined when there is none. */
  readonly resolve: (target: string, model: string) => RoutedModel | undefined;
  /** Called whenever a request goes on to another target. */
  readonly onFallback: (fallback: { readonly model: string; readonly reason: ErrorCode }) => void;
  /** Monotonic milliseconds, the clock of `deadlineMs`. */
  readonly now?: () => number;
}

/** Failures of the chosen version that another one may make good. The caller's own mistakes are not among them, nor is the end of its time. */
const REPLACEABLE: ReadonlySet<ErrorCode> = new Set([
  'model_not_ready',
  'model_unavailable',
  'model_not_found',
  'queue_full',
  'queue_timeout',
  'engine_failed',
  'replica_lost',
]);
/** Failures of a fallback that end the request; after any other one the next target is tried. */
const FINAL: ReadonlySet<ErrorCode> = new Set(['cancelled', 'deadline_exceeded', 'draining']);

/**
 * The stage that lets other versions and models answer when the chosen one fails before anything of its answer was passed on. Each
 * target is tried at most once, while time is left; those that cannot answer the request or are not serving are passed over. Who names a
 * version by its number gets that version or its failure.
 */
export function createFallBack(options: FallbackOptions) {
  return function fallBack(request: InferenceRequest, call: StageCall, next: NextStage): AsyncIterable<InferenceEvent> {
    const { traffic, model, origin = 'caller' } = call;
    if (traffic === undefined || model === undefined || traffic.fallback.length === 0) return next(request, call);
    if (origin !== 'caller' || call.route?.by === 'request' || isInSequence(request)) return next(request, call);
    return new FallbackStream(new TargetGuide({ ...options, request, call, next, chosen: model, targets: traffic.fallback }));
  };
}

/** The state of a sequence is with the version that began it. */
function isInSequence(request: InferenceRequest): boolean {
  return request.kind === 'tensors' && request.sequence !== undefined;
}

interface TargetGuideOptions extends FallbackOptions {
  readonly request: InferenceRequest;
  readonly call: StageCall;
  readonly next: NextStage;
  readonly chosen: RoutedModel;
  readonly targets: readonly string[];
}

/** Leads one request from target to target and writes down which. */
class TargetGuide implements FallbackGuide {
  readonly isFolded: boolean;
  readonly #options: TargetGuideOptions;
  readonly #tried: Set<string>;
  #current: RoutedModel;
  #firstFailure: ErrorFacts | undefined;

  constructor(options: TargetGuideOptions) {
    this.isFolded = options.call.isFolded === true;
    this.#options = options;
    this.#current = options.chosen;
    this.#tried = new Set([keyOf(options.chosen)]);
  }

  first(): AsyncIterable<InferenceEvent> {
    const { request, call, chosen, next } = this.#options;
    const hasElsewhere = this.#findTarget() !== undefined;
    if (hasElsewhere && !isServing(chosen)) throw notServing(chosen);
    return next(request, hasElsewhere ? { ...call, hasElsewhere } : call);
  }

  next(failure: ErrorFacts): AsyncIterable<InferenceEvent> | undefined {
    const { call, now = () => performance.now() } = this.#options;
    const isFirst = this.#firstFailure === undefined;
    this.#firstFailure ??= failure;
    if (isFirst ? !REPLACEABLE.has(failure.code) : FINAL.has(failure.code)) return undefined;
    if (call.signal.aborted || call.deadlineMs <= now()) return undefined;
    const target = this.#findTarget();
    return target === undefined ? undefined : this.#goTo(target, failure);
  }

  lastWord(failure: ErrorFacts): ErrorFacts {
    const error = FINAL.has(failure.code) ? failure : (this.#firstFailure ?? failure);
    if (error !== failure) this.#tellFirst();
    this.#options.call.record.failure = error.code;
    return error;
  }

  /** The failure is that of the version that was chosen first, and so is everything that is said beside it. */
  #tellFirst(): void {
    const { call, chosen } = this.#options;
    const { record, route } = call;
    beginAttempt(record);
    record.model = chosen.name;
    record.version = chosen.version;
    record.arm = route?.arm;
    if (route !== undefined && call.ensembles === undefined) call.onRouted?.(route);
  }

  #goTo(target: RoutedModel, failure: ErrorFacts): AsyncIterable<InferenceEvent> {
    const { request, call, chosen, next, onFallback } = this.#options;
    const detail = `${keyOf(this.#current)} failed: ${failure.code}`;
    this.#current = target;
    this.#tried.add(keyOf(target));
    onFallback({ model: chosen.name, reason: failure.code });
    const { name: model, version } = target;
    const route: RouteChoice = { model, version, by: 'fallback', detail };
    beginAttempt(call.record);
    (call.record.routes ??= []).push(route);
    // What a step of an ensemble falls back to is not what the caller asked for.
    if (call.ensembles === undefined) call.onRouted?.(route);
    // What answers by fallback did not get there by chance: it takes no part in what the traffic compares.
    const { traffic: _, ...rest } = call;
    return next(
      { ...request, model, version },
      { ...rest, model: target, route, hasElsewhere: this.#findTarget() !== undefined },
    );
  }

  #findTarget(): RoutedModel | undefined {
    const { targets, resolve, request, chosen } = this.#options;
    for (const target of targets) {
      const found = resolve(target, chosen.name);
      if (found === undefined || this.#tried.has(keyOf(found)) || !isServing(found)) continue;
      if (canAnswer(request, { from: chosen.facts, to: found.facts })) return found;
    }
    return undefined;
  }
}

function keyOf({ name, version }: RoutedModel): string {
  return `${name}:${version}`;
}

function notServing({ name, failure }: RoutedModel): PlinthError {
  const reason = failure ?? 'No replica is ready.';
  return new PlinthError({ code: 'model_not_ready', message: `The model '${name}' is not ready. ${reason}` });
}
