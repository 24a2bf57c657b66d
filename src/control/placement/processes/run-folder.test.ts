import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { openRunFolder } from './run-folder.ts';

let home: string;

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'run-folder-'));
});

afterEach(() => rmSync(home, { recursive: true, force: true }));

async function findDeadPid(): Promise<number> {
  const child = spawn(process.execPath, ['--version']);
  await once(child, 'exit');
  assert.ok(child.pid !== undefined);
  return child.pid;
}

function plant(name: string): string {
  const path = join(home, 'run', name);
  mkdirSync(path, { recursive: true });
  return path;
}

test('the folder lies in the home, is for its user only, and is removed with what is in it', async () => {
  const folder = await openRunFolder(home);
  assert.ok(folder.path.startsWith(join(home, 'run', `plinth-${process.pid}-`)));
  assert.equal(statSync(folder.path).mode & 0o777, 0o700);
  mkdirSync(join(folder.path, 'inside'));
  folder.remove();
  folder.remove();
  assert.deepEqual(readdirSync(join(home, 'run')), []);
});

test('a home with a long path gets a folder elsewhere, in which sockets can be opened', async () => {
  const folder = await openRunFolder(join(home, 'x'.repeat(100)));
  const listener = createServer().listen(join(folder.path, 'r99999.sock'));
  await once(listener, 'listening');
  listener.close();
  assert.ok(!folder.path.startsWith(home));
  folder.remove();
});

test('folders of dead processes are removed, those of live ones and other files stay', async () => {
  const dead = plant(`plinth-${await findDeadPid()}-aaaaaa`);
  const alive = plant(`plinth-${process.ppid}-bbbbbb`);
  const foreign = plant('something-else');
  const folder = await openRunFolder(home);
  assert.deepEqual([dead, alive, foreign].map(existsSync), [false, true, true]);
  folder.remove();
});

test('a folder that bears the own process id is kept while someone listens in it', async () => {
  const left = plant(`plinth-${process.pid}-aaaaaa`);
  const used = plant(`plinth-${process.pid}-bbbbbb`);
  const listener = createServer().listen(join(used, 'r1.sock'));
  await once(listener, 'listening');
  const folder = await openRunFolder(home);
  assert.deepEqual([left, used].map(existsSync), [false, true]);
  listener.close();
  folder.remove();
});
