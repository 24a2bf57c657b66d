import assert from 'node:assert/strict';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { test } from 'node:test';
import { ReleaseGround, until } from '../support/release-ground.ts';
import { readMoves } from '../support/release-run.ts';
import { beginLoad } from '../support/steady-load.ts';

const model = 'chat';
const models = [
  { name: model, engine: 'echo', stepMs: 1, slots: 4 },
  { name: 'other', engine: 'echo', slots: 4 },
];

test('a rollout goes on by itself after kill -9 of the whole serve in its canary, and nothing acknowledged is lost', async (context) => {
  const first = await ReleaseGround.open({ config: { models } });
  context.after(() => rmSync(first.served.home, { recursive: true, force: true }));
  const settings = { engine: 'echo', stepMs: 1, slots: 4 };
  const version = await first.addVersion(model, { settings });
  await first.ask('/plinth/v1/traffic', { model, traffic: { sticky: { by: 'request' } } });
  await first.ask('/plinth/v1/aliases', { model, set: { stable: '1', before: '1' } });
  const ports = { port: portOf(first.served.url), managementPort: portOf(first.served.managementUrl) };
  const load = beginLoad({ url: first.served.url, model, kind: 'chat', pauseMs: 10 });
  const steps = [50, 100].map((percent) => ({ percent, requests: 40 }));
  const { id } = await first.ask<{ id: string }>('/plinth/v1/rollouts', {
    model,
    to: version,
    strategy: 'canary',
    // How quick both are on a crowded machine is not what this is about.
    plan: { leastObservations: 10, steps, judges: { firstToken: null, interToken: null } },
  });
  await first.whenRollout(model, ({ state, counts }) => state === 'canary' && (counts?.liveCandidate ?? 0) >= 5);
  const otherVersion = await first.addVersion('other', { settings });
  await first.ask('/plinth/v1/traffic', { model: 'other', traffic: { weights: { '1': 3, [otherVersion]: 1 } } });
  const exited = once(first.served.child, 'exit');
  first.served.child.kill('SIGKILL');
  await exited;
  const answered = await load.stop();

  const second = await ReleaseGround.open({ config: { models, ...ports }, home: first.served.home });
  const next = beginLoad({ url: second.served.url, model, kind: 'chat', pauseMs: 5 });
  try {
    const found = await second.rollout(model);
    assert.equal(found.id, id);
    assert.ok(['canary', 'promoted'].includes(found.state), found.state);
    assert.deepEqual((await second.line('other')).traffic.weights, { '1': 3, [otherVersion]: 1 });
    const ended = await second.whenEnded(model);
    assert.equal(ended.state, 'promoted', ended.headline);
    await until(
      () => Promise.resolve(next.answers.at(-1)?.version === version || undefined),
      () => JSON.stringify(next.answers.slice(-3)),
    );
    assert.deepEqual((await next.stop()).map(({ failure }) => failure).filter(Boolean), []);
    assert.deepEqual((await second.line(model)).aliases, { stable: version, before: '1' });
    assert.deepEqual(await readMoves(second, ended), ['preparing 0 %', 'canary 50 %', 'canary 100 %', 'promoted 100 %']);
    const whole = answered.filter(({ failure }) => failure === undefined);
    context.diagnostic(`${whole.length} answers before the kill, ${next.answers.length} after it`);
  } finally {
    await next.stop();
    await second.served.stop();
  }
});

function portOf(url: string): number {
  return Number(new URL(url).port);
}
