import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  beginStream,
  makeHome,
  readReplicaPids,
  readRunFiles,
  ROOT,
  start,
  whenGone,
  whenReady,
  type RunFile,
  type Running,
  type TestHome,
} from './run-plinth.ts';

interface Started {
  readonly home: TestHome;
  readonly npm: Running;
  readonly running: RunFile;
  /** Every process below npm. */
  readonly pids: readonly number[];
}

/** The very command of the README, in a process group of its own as a terminal would give it. */
async function startWithNpm(args: readonly string[] = []): Promise<Started> {
  const home = makeHome({ models: [{ name: 'parrot', engine: 'echo', stepMs: 20 }] });
  const options = { cwd: ROOT, detached: true, env: { ...home.env, PLINTH_CONFIG: `${home.path}/plinth.yaml` } };
  const npm = start(['npm', 'start', '--', ...args], options);
  const running = await whenReady(home);
  return { home, npm, running, pids: [running.pid, ...(await readReplicaPids(running))] };
}

async function assertGone({ home, pids }: Pick<Started, 'home' | 'pids'>): Promise<void> {
  await whenGone(pids);
  assert.deepEqual(readRunFiles(home), []);
  home.remove();
}

test('no shell stands between npm and the serve', async () => {
  const started = await startWithNpm();
  const parent = /^PPid:\s+(\d+)$/m.exec(readFileSync(`/proc/${started.running.pid}/status`, 'utf8'))?.[1];
  assert.equal(Number(parent), started.npm.child.pid);
  started.npm.child.kill('SIGTERM');
  await started.npm.ended;
  await assertGone(started);
});

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  test(`${signal} to npm drains the serve: a begun stream finishes, nothing is left`, async () => {
    const started = await startWithNpm();
    const { whole } = await beginStream(started.running, 40);
    started.npm.child.kill(signal);
    assert.ok((await whole).trimEnd().endsWith('data: [DONE]'));
    assert.equal((await started.npm.ended).code, 0);
    assert.match(started.npm.stderr(), /"msg":"stopped"/);
    await assertGone(started);
  });
}

test('Ctrl-C, which npm and the serve both get and npm passes on, drains once and ends with status 0', async () => {
  const started = await startWithNpm();
  const { whole } = await beginStream(started.running, 40);
  process.kill(-(started.npm.child.pid ?? 0), 'SIGINT');
  assert.ok((await whole).trimEnd().endsWith('data: [DONE]'));
  assert.equal((await started.npm.ended).code, 0);
  assert.match(started.npm.stderr(), /"msg":"stopped"/);
  await assertGone(started);
});

test('a second Ctrl-C ends it at once', async () => {
  const started = await startWithNpm();
  const { whole } = await beginStream(started.running, 5000);
  process.kill(-(started.npm.child.pid ?? 0), 'SIGINT');
  await sleep(500);
  process.kill(-(started.npm.child.pid ?? 0), 'SIGINT');
  await started.npm.ended;
  await whole;
  assert.doesNotMatch(started.npm.stderr(), /"msg":"stopped"/);
  await assertGone(started);
});

test('the serve ends by itself when npm is killed outright', async () => {
  const started = await startWithNpm();
  started.npm.child.kill('SIGKILL');
  await started.npm.ended;
  assert.match(started.npm.stderr(), /"reason":"parent process gone"/);
  await assertGone(started);
});

test('arguments after -- reach the serve', async () => {
  const started = await startWithNpm(['--limits-drain-ms', '1234']);
  started.npm.child.kill('SIGTERM');
  await started.npm.ended;
  assert.match(started.npm.stderr(), /"drainMs":1234/);
  await assertGone(started);
});

test('the serve ends by itself when npx, and not the shell below it, is killed outright', async () => {
  const home = makeHome();
  const options = { cwd: ROOT, env: { ...home.env, PLINTH_CONFIG: `${home.path}/plinth.yaml` } };
  const npx = start(['npm', 'exec', '--call', `'${process.execPath}' src/cli/plinth.ts serve; true`], options);
  const running = await whenReady(home);
  const pids = [running.pid, ...(await readReplicaPids(running))];
  npx.child.kill('SIGKILL');
  await assertGone({ home, pids });
});
