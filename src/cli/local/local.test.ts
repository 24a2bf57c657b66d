import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, test } from 'node:test';
import { nameCommand } from './name-command.ts';
import { resolveModelArgument } from './resolve-model-argument.ts';
import { listRunning, writeRunFile, type RunningServe } from './run-file.ts';

const folder = mkdtempSync(join(tmpdir(), 'plinth-local-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const running: RunningServe = {
  pid: process.pid,
  url: 'http://127.0.0.1:1234',
  managementUrl: 'http://127.0.0.1:1235',
  token: 'token-of-one-boot',
};

test('a run file is for its user only and ends with its serve', () => {
  const home = mkdtempSync(join(folder, 'h-'));
  const remove = writeRunFile(home, running);
  assert.deepEqual(listRunning(home), [running]);
  assert.equal(statSync(join(home, 'run/1235.json')).mode & 0o777, 0o600);
  assert.equal(statSync(join(home, 'run')).mode & 0o777, 0o700);
  assert.deepEqual(readdirSync(join(home, 'run')), ['1235.json']);
  remove();
  assert.deepEqual(listRunning(home), []);
});

test('a run file that another serve has taken over is left to it', () => {
  const home = mkdtempSync(join(folder, 'h-'));
  const remove = writeRunFile(home, running);
  writeRunFile(home, { ...running, pid: process.ppid });
  remove();
  assert.equal(listRunning(home)[0]?.pid, process.ppid);
});

test('the run file of a killed serve is cleared away, one that is no run file is passed over', () => {
  const home = mkdtempSync(join(folder, 'h-'));
  const { pid } = spawnSync(process.execPath, ['--version']);
  writeRunFile(home, { ...running, pid });
  writeFileSync(join(home, 'run/9.json'), '{"pid": -1}');
  assert.deepEqual(listRunning(home), []);
  assert.deepEqual(readdirSync(join(home, 'run')), ['9.json']);
});

test('a home without a run folder has nothing running', () => {
  assert.deepEqual(listRunning(join(folder, 'nowhere')), []);
});

const references: ReadonlyArray<readonly [given: string, env: Readonly<Record<string, string>>, expected: string]> = [
  ['smollm2', {}, 'smollm2'],
  ['hf:org/repo/x.gguf', {}, 'hf:org/repo/x.gguf'],
  ['/abs/x.gguf', {}, '/abs/x.gguf'],
  ['x.gguf', {}, resolve('x.gguf')],
  ['./x', {}, resolve('x')],
  ['./x.gguf', { npm_lifecycle_event: 'start', INIT_CWD: '/where/the/user/is' }, '/where/the/user/is/x.gguf'],
  ['./x.gguf', { npm_lifecycle_event: 'npx', INIT_CWD: '/elsewhere' }, resolve('x.gguf')],
  ['./x.gguf', { INIT_CWD: '/elsewhere' }, resolve('x.gguf')],
];

for (const [given, env, expected] of references) {
  test(`the model argument ${given} with ${JSON.stringify(env)} means ${expected.replace(process.cwd(), '<here>')}`, () => {
    assert.equal(resolveModelArgument(given, env), expected);
  });
}

test('hints name the program as the user started it', () => {
  const scripts = [undefined, 'npx', 'start'];
  assert.deepEqual(
    scripts.map((script) => nameCommand(script === undefined ? {} : { npm_lifecycle_event: script })),
    ['plinth', 'npx plinth', 'npm run plinth --'],
  );
});
