import type { DynamicBatching, QueuePolicy } from '../../core/models/index.ts';

/** What the queue does with one request. */
export interface QueueRule {
  /** 0 goes first. */
  readonly level: number;
  /** Longest wait in milliseconds; Infinity is for ever. */
  readonly timeoutMs: number;
  readonly timeoutAction: QueuePolicy['timeoutAction'];
  /** Most requests of its level that wait; Infinity is no limit. */
  readonly maxQueueSize: number;
}

/** A request's own wishes: `priority` 1 is the most urgent, 0 the model's default; `queueTimeoutUs` 0 is none. */
export interface QueueWish {
  readonly priority: number;
  readonly queueTimeoutUs: number;
}

const NO_RULE: QueueRule = { level: 0, timeoutMs: Infinity, timeoutAction: 'reject', maxQueueSize: Infinity };

/**
 * The rule for a request, as Triton has it: an unknown priority counts as the default one, and a caller may shorten the timeout of
 * the policy, not lengthen it.
 */
export function chooseQueuePolicy(batching: DynamicBatching | undefined, wish: QueueWish): QueueRule {
  if (batching === undefined) return NO_RULE;
  const { priorityLevels, defaultPriorityLevel, defaultPolicy, levelPolicies } = batching;
  const isKnown = Number.isInteger(wish.priority) && wish.priority >= 1 && wish.priority <= priorityLevels;
  const priority = isKnown ? wish.priority : Math.max(1, defaultPriorityLevel);
  const policy = (priorityLevels > 0 ? levelPolicies[priority] : undefined) ?? defaultPolicy;
  return {
    level: priorityLevels > 0 ? priority - 1 : 0,
    timeoutMs: timeoutUs(policy, wish) / 1000,
    timeoutAction: policy.timeoutAction,
    maxQueueSize: policy.maxQueueSize > 0 ? policy.maxQueueSize : Infinity,
  };
}

function timeoutUs(policy: QueuePolicy, wish: QueueWish): number {
  const defaultUs = policy.defaultTimeoutUs > 0 ? policy.defaultTimeoutUs : Infinity;
  return policy.timeoutOverride === 'allowed' && wish.queueTimeoutUs > 0 ? Math.min(defaultUs, wish.queueTimeoutUs) : defaultUs;
}
