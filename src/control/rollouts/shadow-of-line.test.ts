import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { RolloutWorld } from '../../../tests/support/rollout-world.ts';
import type { ShadowComparison } from '../../core/messages/index.ts';
import { createLogger, createMetrics } from '../../core/telemetry/index.ts';
import type { TrafficPurpose } from '../../core/traffic/index.ts';
import { openBook } from '../book/index.ts';
import { openRolloutEngine } from './rollout-engine.ts';

function comparisonFor(purpose: TrafficPurpose): ShadowComparison {
  const request = { kind: 'embed', id: 'r', model: 'chat', inputs: [{ type: 'text', text: 'x' }], timeLeftMs: 1 } as const;
  const answer = (version: string) => ({ version, outcome: 'ok', totalMs: 1, events: [] }) as const;
  return { requestId: 'r', model: 'chat', purpose, request, current: answer('1'), candidate: answer('2') };
}

test('answers that a line copies without a rollout are no evidence that was dropped', async (t) => {
  const home = mkdtempSync(join(tmpdir(), 'plinth-shadow-'));
  const book = await openBook({ home });
  const metrics = createMetrics();
  const logger = createLogger({ level: 'silent' });
  const engine = await openRolloutEngine({ book, holder: 'p1', logger, metrics, ...new RolloutWorld({}).ports() });
  t.after(async () => {
    await engine.close();
    await book.close();
    rmSync(home, { recursive: true });
  });
  const dropped = async () => (await metrics.rolloutEvidenceDropped.get()).values.map(({ value }) => value);
  engine.compare(comparisonFor({ kind: 'weights', id: 'chat' }));
  assert.deepEqual(await dropped(), []);
  engine.compare(comparisonFor({ kind: 'rollout', id: 'r_gone' }));
  assert.deepEqual(await dropped(), [1]);
});
