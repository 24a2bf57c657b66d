import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  beginStream,
  makeHome,
  readReplicaPids,
  readRunFiles,
  startPlinth,
  whenGone,
  whenReady,
  type RunFile,
  type Running,
  type TestHome,
} from './run-plinth.ts';

const STEP_MS = 20;

interface Serving {
  readonly home: TestHome;
  readonly serve: Running;
  readonly running: RunFile;
  readonly replicas: readonly number[];
}

/** A serve whose answers take a while, and what must be gone after it. */
async function startSlowly(): Promise<Serving> {
  const home = makeHome({ models: [{ name: 'parrot', engine: 'echo', stepMs: STEP_MS }] });
  const serve = startPlinth(home, ['serve']);
  const running = await whenReady(home);
  const replicas = await readReplicaPids(running);
  assert.equal(replicas.length, 1);
  return { home, serve, running, replicas };
}

/** Nothing is left: no process, no run file, no socket. */
async function assertClean({ home, replicas }: Serving): Promise<void> {
  await whenGone(replicas);
  assert.deepEqual(readRunFiles(home), []);
  assert.deepEqual(readdirSync(join(home.path, 'run')), []);
  home.remove();
}

function contentOf(stream: string): string {
  return [...stream.matchAll(/"content":"([^"]*)"/g)].map((match) => match[1]).join('');
}

for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
  test(`${signal} lets a begun stream finish and ends with status 0, twice or once`, async () => {
    const serving = await startSlowly();
    const { serve, running } = serving;
    const { whole } = await beginStream(running, 60);
    serve.child.kill(signal);
    await sleep(50);
    serve.child.kill(signal);
    const stream = await whole;
    assert.equal(contentOf(stream), 'abc'.repeat(60));
    assert.ok(stream.trimEnd().endsWith('data: [DONE]'));
    assert.equal((await serve.ended).code, 0);
    await assertClean(serving);
  });
}

test('a second SIGTERM seconds later changes nothing', async () => {
  const serving = await startSlowly();
  const { serve, running } = serving;
  const { whole } = await beginStream(running, 60);
  serve.child.kill('SIGTERM');
  await sleep(400);
  serve.child.kill('SIGTERM');
  assert.equal(contentOf(await whole), 'abc'.repeat(60));
  assert.equal((await serve.ended).code, 0);
  await assertClean(serving);
});

test('a second Ctrl-C ends at once, with status 130 and no replica left', async () => {
  const serving = await startSlowly();
  const { serve, running } = serving;
  const { whole } = await beginStream(running, 5000);
  serve.child.kill('SIGINT');
  await sleep(400);
  serve.child.kill('SIGINT');
  assert.equal((await serve.ended).code, 130);
  assert.notEqual(contentOf(await whole), 'abc'.repeat(5000));
  await whenGone(serving.replicas);
  assert.deepEqual(readRunFiles(serving.home), []);
  serving.home.remove();
});

test('a drain asked for over the management port ends the process', async () => {
  const serving = await startSlowly();
  const { managementUrl, token } = serving.running;
  const answer = await fetch(`${managementUrl}/plinth/v1/drain`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}` },
  });
  assert.equal(answer.status, 202);
  assert.equal((await serving.serve.ended).code, 0);
  await assertClean(serving);
});

test('replicas end by themselves when their serve is killed outright, and the next serve clears up', async () => {
  const serving = await startSlowly();
  serving.serve.child.kill('SIGKILL');
  await serving.serve.ended;
  await whenGone(serving.replicas);
  const next = startPlinth(serving.home, ['serve']);
  await new Promise((done) => next.child.stdout?.once('data', done));
  assert.equal(readRunFiles(serving.home).filter(({ pid }) => pid === next.child.pid).length, 1);
  next.child.kill('SIGTERM');
  assert.equal((await next.ended).code, 0);
  serving.home.remove();
});

test('a signal before the ports are open ends with status 0', async () => {
  const home = makeHome();
  const serve = startPlinth(home, ['serve']);
  await sleep(600);
  serve.child.kill('SIGTERM');
  const { code } = await serve.ended;
  assert.ok(code === 0 || code === null);
  home.remove();
});

test('a closed pipe on both outputs does not end the serve', async () => {
  const serving = await startSlowly();
  serving.serve.child.stdout?.destroy();
  serving.serve.child.stderr?.destroy();
  for (let i = 0; i < 3; i++) await (await beginStream(serving.running, 2)).whole;
  const exit = new Promise((done) => serving.serve.child.once('exit', done));
  serving.serve.child.kill('SIGTERM');
  assert.equal(await exit, 0);
  await assertClean(serving);
});
