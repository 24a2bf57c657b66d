import type { DynamicBatching, QueuePolicy } from '../../../core/models/index.ts';
import { isSet, mapOf, messageOf, numberOf, numbersOf, textOf, type ConfigMessage } from '../model-config/index.ts';
import { refuse } from './refuse.ts';

const MOST_LEVELS = 1_000;

/** How requests merge; undefined when the configuration does not say. `maxBatchSize` is undefined while it is unknown. */
export function readDynamicBatching(config: ConfigMessage, maxBatchSize: number | undefined): DynamicBatching | undefined {
  const message = messageOf(config, 'dynamic_batching');
  if (message === undefined) return undefined;
  const preferredBatchSizes = readPreferredSizes(message, 'dynamic_batching', maxBatchSize);
  const priorityLevels = numberOf(message, 'priority_levels');
  const defaultPriorityLevel = numberOf(message, 'default_priority_level');
  if (priorityLevels > MOST_LEVELS) throw refuse(`dynamic_batching.priority_levels is ${priorityLevels}; at most ${MOST_LEVELS}`);
  if (priorityLevels > 0 && (defaultPriorityLevel < 1 || defaultPriorityLevel > priorityLevels))
    throw refuse('default priority level must be in range [1, priority_levels]');
  return {
    preferredBatchSizes,
    maxQueueDelayUs: numberOf(message, 'max_queue_delay_microseconds'),
    ordering: isSet(message, 'preserve_ordering') ? 'preserved' : 'free',
    priorityLevels,
    defaultPriorityLevel,
    defaultPolicy: readPolicy(messageOf(message, 'default_queue_policy') ?? {}),
    levelPolicies: readLevelPolicies(message, priorityLevels),
  };
}

/** Sizes of batches that are sent at once. */
export function readPreferredSizes(message: ConfigMessage, field: string, maxBatchSize: number | undefined): readonly number[] {
  const sizes = numbersOf(message, 'preferred_batch_size');
  const wrong = sizes.find((size) => size <= 0 || (maxBatchSize !== undefined && size > maxBatchSize));
  if (wrong === undefined) return sizes;
  if (wrong <= 0) throw refuse(`${field}.preferred_batch_size must be positive, got ${wrong}`);
  throw refuse(`${field}.preferred_batch_size ${wrong} must be <= max batch size ${maxBatchSize}`);
}

function readPolicy(message: ConfigMessage): QueuePolicy {
  return {
    timeoutAction: textOf(message, 'timeout_action') === 'DELAY' ? 'delay' : 'reject',
    defaultTimeoutUs: numberOf(message, 'default_timeout_microseconds'),
    timeoutOverride: isSet(message, 'allow_timeout_override') ? 'allowed' : 'ignored',
    maxQueueSize: numberOf(message, 'max_queue_size'),
  };
}

function readLevelPolicies(message: ConfigMessage, priorityLevels: number): Readonly<Record<number, QueuePolicy>> {
  const entries = [...mapOf(message, 'priority_queue_policy')].map(([key, policy]) => {
    const level = Number(key);
    if (level < 1 || level > priorityLevels)
      throw refuse(`priority_queue_policy has the level ${key}; levels are 1 to ${priorityLevels}`);
    return [level, readPolicy(policy as ConfigMessage)] as const;
  });
  return Object.fromEntries(entries);
}
