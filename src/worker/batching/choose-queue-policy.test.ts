import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DynamicBatching, QueuePolicy } from '../../core/models/index.ts';
import { chooseQueuePolicy, type QueueWish } from './choose-queue-policy.ts';

const policy: QueuePolicy = { timeoutAction: 'reject', defaultTimeoutUs: 5000, timeoutOverride: 'ignored', maxQueueSize: 3 };
const batching: DynamicBatching = {
  preferredBatchSizes: [],
  maxQueueDelayUs: 0,
  ordering: 'free',
  priorityLevels: 3,
  defaultPriorityLevel: 2,
  defaultPolicy: policy,
  levelPolicies: { 1: { timeoutAction: 'delay', defaultTimeoutUs: 0, timeoutOverride: 'allowed', maxQueueSize: 0 } },
};
const wish: QueueWish = { priority: 0, queueTimeoutUs: 0 };

test('a request without a priority gets the default level and its policy', () => {
  const rule = chooseQueuePolicy(batching, wish);
  assert.deepEqual(rule, { level: 1, timeoutMs: 5, timeoutAction: 'reject', maxQueueSize: 3 });
});

test('a priority beyond the levels counts as the default one', () => {
  assert.equal(chooseQueuePolicy(batching, { ...wish, priority: 4 }).level, 1);
});

test('a level of its own policy overrules the default, and zeros mean no limit', () => {
  const rule = chooseQueuePolicy(batching, { ...wish, priority: 1 });
  assert.deepEqual(rule, { level: 0, timeoutMs: Infinity, timeoutAction: 'delay', maxQueueSize: Infinity });
});

test('a caller shortens a timeout where that is allowed, and never lengthens it', () => {
  const allowed = { ...batching, levelPolicies: {}, defaultPolicy: { ...policy, timeoutOverride: 'allowed' as const } };
  assert.equal(chooseQueuePolicy(allowed, { ...wish, queueTimeoutUs: 1000 }).timeoutMs, 1);
  assert.equal(chooseQueuePolicy(allowed, { ...wish, queueTimeoutUs: 9000 }).timeoutMs, 5);
  assert.equal(chooseQueuePolicy(batching, { ...wish, queueTimeoutUs: 1000 }).timeoutMs, 5);
  assert.equal(chooseQueuePolicy(batching, { priority: 1, queueTimeoutUs: 1000 }).timeoutMs, 1);
});

test('without levels every priority is the same', () => {
  assert.equal(chooseQueuePolicy({ ...batching, priorityLevels: 0 }, { ...wish, priority: 3 }).level, 0);
});

test('a model without dynamic batching has no rule', () => {
  assert.equal(chooseQueuePolicy(undefined, { priority: 1, queueTimeoutUs: 1 }).timeoutMs, Infinity);
});
