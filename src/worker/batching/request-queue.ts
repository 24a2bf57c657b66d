import type { ErrorFacts } from '../../core/errors/index.ts';
import type { InferenceRequest } from '../../core/inference/index.ts';
import type { DynamicBatching, ModelSpec } from '../../core/models/index.ts';
import type { EventSink } from '../intake/index.ts';
import type { WorkItem } from '../task.ts';
import { BatchRequest } from './batch-request.ts';
import { chooseQueuePolicy, type QueueWish } from './choose-queue-policy.ts';

interface QueueOptions {
  readonly spec: Pick<ModelSpec, 'queueLength' | 'queueTimeoutMs'>;
  readonly slots: number;
  readonly batching: DynamicBatching | undefined;
}

interface Admission {
  readonly request: InferenceRequest;
  readonly sink: EventSink;
  readonly now: number;
  /** A probe comes in even when the queue is full. */
  readonly entrance: 'ordinary' | 'probe';
}

const NO_WISH: QueueWish = { priority: 0, queueTimeoutUs: 0 };
const RETRY_MS = 1000;
const DEADLINE: ErrorFacts = { code: 'deadline_exceeded', message: 'The deadline of the request has passed.' };

/** The requests of the replica, and how long and how many of them may wait. */
export class RequestQueue<Item extends WorkItem> {
  readonly #options: QueueOptions;
  readonly #active = new Set<BatchRequest<Item>>();
  readonly #queuedByLevel: number[] = [];
  #queued = 0;
  #nextDueAt = Infinity;

  constructor(options: QueueOptions) {
    this.#options = options;
  }

  get isEmpty(): boolean {
    return this.#active.size === 0;
  }

  /** When the loop has to look at a request again, at the soonest. */
  get nextDueAt(): number {
    return this.#nextDueAt;
  }

  /** The request; it has failed already when there is no room for it. */
  admit({ request, sink, now, entrance }: Admission): BatchRequest<Item> {
    const { spec, batching } = this.#options;
    const rule = chooseQueuePolicy(batching, request.kind === 'tensors' ? wishOf(request) : NO_WISH);
    const active = new BatchRequest<Item>({ request, sink, now, rule, queueTimeoutMs: spec.queueTimeoutMs });
    const refusal = entrance === 'probe' ? undefined : this.#refuse(active);
    if (refusal !== undefined) {
      active.fail(refusal);
      return active;
    }
    this.#active.add(active);
    active.isQueued = true;
    this.#queued++;
    this.#queuedByLevel[rule.level] = (this.#queuedByLevel[rule.level] ?? 0) + 1;
    this.#nextDueAt = Math.min(this.#nextDueAt, active.nextDueAt);
    return active;
  }

  markStarted(active: BatchRequest<Item>, now: number): void {
    active.markStarted(now);
    this.#unqueue(active);
  }

  leave(active: BatchRequest<Item>): void {
    this.#unqueue(active);
    this.#active.delete(active);
  }

  /** The requests of which a time has come. Looks at all of them only when one may be due. */
  takeDue(now: number): readonly BatchRequest<Item>[] {
    if (now < this.#nextDueAt) return [];
    const due: BatchRequest<Item>[] = [];
    this.#nextDueAt = Infinity;
    for (const active of this.#active) {
      if (now >= active.nextDueAt) due.push(active);
      else this.#nextDueAt = Math.min(this.#nextDueAt, active.nextDueAt);
    }
    return due;
  }

  /** What the passing of time means for a request. */
  judge(active: BatchRequest<Item>, now: number): ErrorFacts | 'late' | 'in-time' {
    if (now >= active.deadlineAt) return DEADLINE;
    if (!active.isQueued) return this.#watch(active, 'in-time');
    const isRuleDue = now >= active.ruleDueAt;
    if (now >= active.queueDueAt || (isRuleDue && active.rule.timeoutAction === 'reject')) {
      return { code: 'queue_timeout', message: 'Request timeout expired', retryAfterMs: RETRY_MS };
    }
    if (!isRuleDue) return this.#watch(active, 'in-time');
    active.ruleDueAt = Infinity;
    return this.#watch(active, 'late');
  }

  /** `held`: those that have begun, are being prepared, or wait for something other than their turn. */
  count(): { readonly held: number; readonly waiting: number } {
    let waiting = 0;
    for (const active of this.#active) if (active.isQueued && isInLine(active)) waiting++;
    return { held: this.#active.size - waiting, waiting };
  }

  #watch<T>(active: BatchRequest<Item>, verdict: T): T {
    this.#nextDueAt = Math.min(this.#nextDueAt, active.nextDueAt);
    return verdict;
  }

  #refuse({ rule, request }: BatchRequest<Item>): ErrorFacts | undefined {
    const { spec, slots } = this.#options;
    if ((this.#queuedByLevel[rule.level] ?? 0) >= rule.maxQueueSize) {
      return { code: 'queue_full', message: 'Exceeds maximum queue size', retryAfterMs: RETRY_MS };
    }
    if (this.#queued < spec.queueLength + slots) return undefined;
    const message = `Exceeds maximum queue size: ${this.#queued} requests wait for model ${request.model} already.`;
    return { code: 'queue_full', message, retryAfterMs: RETRY_MS };
  }

  #unqueue(active: BatchRequest<Item>): void {
    if (!active.isQueued) return;
    active.isQueued = false;
    this.#queued--;
    this.#queuedByLevel[active.rule.level] = (this.#queuedByLevel[active.rule.level] ?? 1) - 1;
  }
}

function wishOf({
  priority = 0,
  queueTimeoutUs = 0,
}: {
  readonly priority?: number;
  readonly queueTimeoutUs?: number;
}): QueueWish {
  return { priority, queueTimeoutUs };
}

function isInLine<Item extends WorkItem>({ items, isPreparing }: BatchRequest<Item>): boolean {
  if (isPreparing) return false;
  return items.length === 0 || items.some(({ ticket }) => ticket?.isGone === false);
}
