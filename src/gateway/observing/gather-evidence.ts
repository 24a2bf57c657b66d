import { AnswerLooks } from '../../core/answers/index.ts';
import type { ErrorCode } from '../../core/errors/index.ts';
import type { InferenceEvent, InferenceRequest, TokenTimes } from '../../core/inference/index.ts';
import { outcomeOf, type EvidenceSink, type Outcome } from '../../core/messages/index.ts';
import type { ModelTraffic } from '../../core/traffic/index.ts';
import type { StageCall } from '../stage.ts';

/** Where observations go, and the sources of chance and time. */
export interface EvidenceOptions {
  readonly sink: EvidenceSink;
  /** 0 ≤ random < 1. */
  readonly random: () => number;
  /** Unix milliseconds. */
  readonly clock: () => number;
  /** Told when gathering breaks; the request goes on as if nobody wanted to know. */
  readonly onDefect?: (thrown: unknown) => void;
}

/** What is gathered of one request for the comparison of versions. */
export interface Gatherer {
  onEvent(event: InferenceEvent): void;
  onEnd(end: { readonly totalMs: number; readonly times: TokenTimes }): void;
}

/** Who gathers for this request; undefined where nobody wants to know. */
export type GatherEvidence = (request: InferenceRequest, call: StageCall) => Gatherer | undefined;

/**
 * Gathers one observation of every request of a caller whose model is compared, and keeps a share of requests where that is asked for. An
 * answer out of the cache is none: it says how fast and how well a version was, once.
 */
export function createGatherEvidence(options: EvidenceOptions): GatherEvidence {
  return (request, call) => {
    const { traffic, origin = 'caller' } = call;
    if (traffic === undefined || origin !== 'caller') return undefined;
    const isKept = isCaptured(traffic.capture, call, options.random);
    return traffic.isObserved || isKept ? new RequestGatherer(options, { request, call, traffic, isKept }) : undefined;
  };
}

const CONSENT = 'x-plinth-consent';

/** A caller that says `none` is never kept. */
function isCaptured(capture: ModelTraffic['capture'], { headers }: StageCall, random: () => number): boolean {
  if (capture === undefined || random() >= capture.share) return false;
  const words = [headers?.[CONSENT] ?? []].flat().flatMap((value) => value.toLowerCase().split(','));
  const says = (word: string): boolean => words.some((one) => one.trim() === word);
  return capture.consent === 'all' ? !says('none') : says('capture') && !says('none');
}

interface Gathered {
  readonly request: InferenceRequest;
  readonly call: StageCall;
  readonly traffic: ModelTraffic;
  readonly isKept: boolean;
}

/** Requests that were refused or given up tell a rehearsal nothing. */
const WORTH_KEEPING: ReadonlySet<Outcome> = new Set(['ok', 'failed', 'timeout']);

class RequestGatherer implements Gatherer {
  readonly #options: EvidenceOptions;
  readonly #gathered: Gathered;
  readonly #looks: AnswerLooks;
  #hasEnded = false;
  #isBroken = false;

  constructor(options: EvidenceOptions, gathered: Gathered) {
    this.#options = options;
    this.#gathered = gathered;
    this.#looks = new AnswerLooks(gathered.request);
  }

  onEvent(event: InferenceEvent): void {
    if (event.type === 'finished' || event.type === 'failed') this.#hasEnded = true;
    else this.#guarded(() => this.#looks.take(event));
  }

  onEnd(end: Parameters<Gatherer['onEnd']>[0]): void {
    this.#guarded(() => this.#tell(end));
  }

  /** An answer never fails because of those who look at it. */
  #guarded(work: () => void): void {
    if (this.#isBroken) return;
    try {
      work();
    } catch (thrown) {
      this.#isBroken = true;
      this.#options.onDefect?.(thrown);
    }
  }

  #tell({ totalMs, times }: Parameters<Gatherer['onEnd']>[0]): void {
    const { sink, clock } = this.#options;
    const { request, call, traffic, isKept } = this.#gathered;
    const ending = this.#ending();
    const at = clock();
    if (traffic.isObserved && call.record.cache !== 'hit')
      sink.observe({
        ...this.#identity(),
        at,
        ...ending,
        totalMs,
        ...times,
        ...this.#tokens(),
        ...this.#looks.tell(ending.outcome),
      });
    if (isKept && WORTH_KEEPING.has(ending.outcome)) sink.capture(request, at);
  }

  /** A request that took a replica down has failed, also when another replica has answered it since. */
  #ending(): { readonly outcome: Outcome; readonly failure?: ErrorCode } {
    const { failure, losses = 0 } = this.#gathered.call.record;
    if (!this.#hasEnded || failure === 'cancelled') return { outcome: 'cancelled', failure: 'cancelled' };
    if (losses > 0 && failure !== 'draining') return { outcome: 'failed', failure: 'replica_lost' };
    return failure === undefined ? { outcome: 'ok' } : { outcome: outcomeOf(failure), failure };
  }

  /** Who names a version, or is sent to one by a rule, is not there by chance: its requests are other requests, and count for no comparison. */
  #identity() {
    const { call, traffic } = this.#gathered;
    const version = call.model?.version ?? '';
    return {
      requestId: call.requestId,
      keyId: call.principal.keyId,
      model: traffic.model,
      version,
      arm: call.route?.arm ?? `v${version}`,
      purpose: call.route?.purpose ?? { kind: 'weights' as const, id: traffic.model },
      unit: call.route?.unit ?? call.requestId,
    };
  }

  #tokens() {
    const { usage } = this.#gathered.call.record;
    return usage === undefined ? {} : { promptTokens: usage.promptTokens, completionTokens: usage.completionTokens };
  }
}
