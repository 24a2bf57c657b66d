import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createLogger } from '../core/telemetry/index.ts';
import { EvidenceRetention } from './evidence-retention.ts';

const WEEK_MS = 7 * 24 * 3_600_000;

test('answers of a week before, and units of experiments that ended then, are forgotten at the start, then every ten minutes', async (context) => {
  context.mock.timers.enable({ apis: ['setInterval'] });
  const ended: number[] = [];
  const answered: number[] = [];
  const book = {
    forgetAnswers: (before: number) => Promise.resolve(void answered.push(before)),
    forgetAssignments: (before: number) => Promise.resolve(void ended.push(before)),
  };
  let now = WEEK_MS;
  const retention = new EvidenceRetention({ book, logger: createLogger({ level: 'silent' }), now: () => now });
  now += 600_000;
  context.mock.timers.tick(600_000);
  await retention.close();
  context.mock.timers.tick(600_000);
  assert.deepEqual(ended, [0, 600_000]);
  assert.deepEqual(answered, [0, 600_000]);
});

test('a book that cannot be written keeps nobody from closing, and a later attempt is made', async (context) => {
  context.mock.timers.enable({ apis: ['setInterval'] });
  let attempts = 0;
  const book = {
    forgetAnswers: () => Promise.reject(new Error('it is gone')),
    forgetAssignments: () => Promise.reject(new Error(`it is gone: ${++attempts}`)),
  };
  const retention = new EvidenceRetention({ book, logger: createLogger({ level: 'silent' }) });
  context.mock.timers.tick(600_000);
  await retention.close();
  assert.equal(attempts, 2);
});
