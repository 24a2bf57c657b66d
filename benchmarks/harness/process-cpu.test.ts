import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import test from 'node:test';
import { readProcessCpuSeconds, readTreeCpuSeconds } from './process-cpu.ts';

const BURN = 'const end = process.cpuUsage().user + 3e5; while (process.cpuUsage().user < end);';

test('the time of a tree holds that of a running grandchild', async () => {
  const program = `require('node:child_process').spawn(process.execPath, ['-e', ${JSON.stringify(`${BURN} console.log('burnt'); setInterval(() => {}, 1e6)`)}], { stdio: ['ignore', 'inherit', 'inherit'] })`;
  const child = spawn(process.execPath, ['-e', program], { stdio: ['ignore', 'pipe', 'inherit'], detached: true });
  try {
    await once(child.stdout, 'data');
    const pid = child.pid ?? 0;
    assert.ok(readTreeCpuSeconds(pid) - readProcessCpuSeconds(pid) >= 0.29);
  } finally {
    process.kill(-(child.pid ?? 0), 'SIGKILL');
    await once(child, 'exit');
  }
});

test('the time of a child that has ended stays in the tree', () => {
  const before = readTreeCpuSeconds(process.pid);
  spawnSync(process.execPath, ['-e', BURN]);
  assert.ok(readTreeCpuSeconds(process.pid) - before >= 0.29);
});

test('a process that does not exist has used nothing', () => {
  assert.equal(readTreeCpuSeconds(2 ** 30), 0);
});
