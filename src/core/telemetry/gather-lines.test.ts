import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { gatherLines } from './gather-lines.ts';

test('lines are passed on together, in order, soon or when there are many', async () => {
  const writes: string[] = [];
  let onWrite = (): void => undefined;
  const write = (text: string): void => {
    writes.push(text);
    onWrite();
  };
  const destination = gatherLines({ write, flushSync: () => undefined });
  destination.write('a\n');
  destination.write('b\n');
  assert.deepEqual(writes, []);
  const keepsAlive = setInterval(() => undefined, 1000);
  await new Promise<void>((resolve) => (onWrite = resolve));
  clearInterval(keepsAlive);
  assert.deepEqual(writes, ['a\nb\n']);
  destination.write('x'.repeat(20_000));
  assert.equal(writes.length, 2);
});

test('lines written right before the process exits are not lost', () => {
  const logger = new URL('./logger.ts', import.meta.url).href;
  const code = `import { createLogger } from '${logger}'; createLogger({ level: 'info' }).info('last words'); process.exit(3);`;
  const { status, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', code], { encoding: 'utf8' });
  assert.equal(status, 3);
  assert.match(stderr, /"msg":"last words"/);
});
