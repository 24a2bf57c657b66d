import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import test from 'node:test';
import { listChildren, readMemory } from './process-memory.ts';

test('memory that a child fills is counted, and the child is listed while it runs', async () => {
  const program = "const held = Buffer.alloc(64 * 2 ** 20, 1); process.stdout.write('full'); setInterval(() => held, 1e6)";
  const child = spawn(process.execPath, ['-e', program], { stdio: ['ignore', 'pipe', 'inherit'] });
  const pid = child.pid ?? 0;
  await once(child.stdout, 'data');
  const { rssMiB, pssMiB } = readMemory(pid);
  assert.ok(pssMiB > 64 && rssMiB >= pssMiB);
  assert.ok(listChildren(process.pid).includes(pid));
  const exited = once(child, 'exit');
  child.kill('SIGKILL');
  await exited;
  assert.ok(!listChildren(process.pid).includes(pid));
});
