import assert from 'node:assert/strict';
import { test } from 'node:test';
import { rolloutRecord } from '../../tests/support/release-contents.ts';
import type { RolloutRecord } from '../core/records/index.ts';
import { createLogger } from '../core/telemetry/index.ts';
import { PromotedRollouts } from './promoted-rollouts.ts';

const logger = createLogger({ level: 'silent' });
const promoted = rolloutRecord({ id: 'r_1', state: 'promoted', endedAt: 100 });
const rolledBack = rolloutRecord({ id: 'r_2', baseline: '2', candidate: '3', state: 'rolled-back', endedAt: 200 });

function open(listRollouts: () => Promise<readonly RolloutRecord[]>) {
  const found = Promise.withResolvers<void>();
  const rollouts = new PromotedRollouts({ book: { listRollouts }, logger, onFound: () => found.resolve() });
  return { rollouts, found: found.promise };
}

const unread = () => assert.fail('it was read');

test('a promotion that the contents have is not read again', () => {
  const { rollouts } = open(unread);
  assert.equal(rollouts.find({ rollouts: [promoted] }, 'chat'), promoted);
  assert.equal(rollouts.find({ rollouts: [] }, 'chat'), undefined);
  assert.equal(rollouts.find({ rollouts: [promoted] }, 'other'), undefined);
});

test('a promotion is known still when a later rollout has ended otherwise', async () => {
  let reads = 0;
  const { rollouts, found } = open(() => {
    reads++;
    return Promise.resolve([rolledBack, promoted]);
  });
  assert.equal(rollouts.find({ rollouts: [rolledBack] }, 'chat'), undefined);
  await found;
  assert.equal(rollouts.find({ rollouts: [rolledBack] }, 'chat'), promoted);
  assert.equal(reads, 1);
});

test('of several promotions the newest counts', async () => {
  const later = rolloutRecord({ id: 'r_3', baseline: '2', candidate: '4', state: 'promoted', endedAt: 150 });
  const { rollouts, found } = open(() => Promise.resolve([promoted, later, rolledBack]));
  rollouts.find({ rollouts: [rolledBack] }, 'chat');
  await found;
  assert.equal(rollouts.find({ rollouts: [rolledBack] }, 'chat'), later);
});

test('what cannot be read is read again the next time', async () => {
  const answers = [() => Promise.reject(new Error('the book is away')), () => Promise.resolve([promoted])];
  const { rollouts, found } = open(() => answers.shift()?.() ?? unread());
  rollouts.find({ rollouts: [rolledBack] }, 'chat');
  await new Promise(setImmediate);
  assert.equal(rollouts.find({ rollouts: [rolledBack] }, 'chat'), undefined);
  await found;
  assert.equal(rollouts.find({ rollouts: [rolledBack] }, 'chat'), promoted);
});
