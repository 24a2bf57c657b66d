import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';

const runner = fileURLToPath(new URL('run-tests.mjs', import.meta.url));
// Without this variable the inner run does not take itself for a part of this one.
const { NODE_TEST_CONTEXT: _, ...env } = process.env;

function folderWith(t: TestContext, body: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'plinth-run-tests-'));
  t.after(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, 'a.test.ts'), `import { test } from 'node:test';\ntest('a thing holds', ${body});\n`);
  return folder;
}

test('a folder of passing tests ends with 0 and with the summary of node', (t) => {
  const folder = folderWith(t, '() => {}');
  const { status, stdout } = spawnSync(process.execPath, [runner, folder], { env, encoding: 'utf8' });
  assert.equal(status, 0);
  assert.match(stdout, /tests 1\n[\s\S]*pass 1\n[\s\S]*fail 0\n/);
});

test('a failing test ends with 1', (t) => {
  const folder = folderWith(t, `() => { throw new Error('no'); }`);
  assert.equal(spawnSync(process.execPath, [runner, folder], { env }).status, 1);
});

test('flags go to node', (t) => {
  const folder = folderWith(t, `() => { throw new Error('no'); }`);
  const run = spawnSync(process.execPath, [runner, '--test-name-pattern=another', folder], { env, encoding: 'utf8' });
  assert.equal(run.status, 0, run.stdout);
});

test('a pattern that matches nothing is an error', () => {
  const { status, stderr } = spawnSync(process.execPath, [runner, 'nowhere/*.test.ts'], { env, encoding: 'utf8' });
  assert.equal(status, 1);
  assert.match(stderr, /no test file matches nowhere/);
});

test('a signal ends the run and the tests in it', async (t) => {
  const folder = folderWith(
    t,
    `async () => { console.log('pid', process.pid); await new Promise((done) => setTimeout(done, 60_000)); }`,
  );
  const child = spawn(process.execPath, [runner, folder], { env, stdio: ['ignore', 'pipe', 'ignore'] });
  let output = '';
  for await (const chunk of child.stdout.setEncoding('utf8')) {
    output += String(chunk);
    if (/pid \d+/.test(output)) break;
  }
  child.kill('SIGTERM');
  await once(child, 'exit');
  const pid = Number(/pid (\d+)/.exec(output)?.[1]);
  await assertGone(pid);
});

async function assertGone(pid: number): Promise<void> {
  for (let attempt = 0; attempt < 100; attempt += 1) {
    try {
      process.kill(pid, 0);
    } catch {
      return;
    }
    await new Promise((done) => setTimeout(done, 50));
  }
  assert.fail(`process ${pid} is still there`);
}
