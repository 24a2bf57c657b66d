import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdtemp, open, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { after, before, describe, test } from 'node:test';
import { draftTinyModel, uint32, uint64, writeGguf } from '../../../../tests/support/tiny-gguf.ts';
import { screenModelFile } from './index.ts';

describe('screening a model file', () => {
  let folder: string;
  const write = async (name: string, bytes: Buffer): Promise<string> => {
    await writeFile(join(folder, name), bytes);
    return join(folder, name);
  };
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'plinth-screen-'));
  });
  after(() => rm(folder, { recursive: true }));

  test('a sound file yields its summary', async () => {
    const summary = await screenModelFile(await write('tiny.gguf', writeGguf(draftTinyModel())));
    assert.deepEqual([summary.architecture, summary.parameterCount, summary.chatTemplate], ['llama', 40, '{{ messages }}']);
  });

  test('a refused file yields the reason from the process that read it', async () => {
    const draft = draftTinyModel();
    delete draft.values['llama.block_count'];
    await assert.rejects(screenModelFile(await write('no-blocks.gguf', writeGguf(draft))), {
      code: 'invalid_model_file',
      message: 'invalid model file: "llama.block_count" is missing',
    });
  });

  test('a missing file, a folder and a pipe are refused', async () => {
    const pipe = join(folder, 'pipe.gguf');
    execFileSync('mkfifo', [pipe]);
    await assert.rejects(screenModelFile(join(folder, 'nothing.gguf')), {
      code: 'invalid_model_file',
      message: /does not exist/,
    });
    await assert.rejects(screenModelFile(folder), { code: 'invalid_model_file', message: /no regular file/ });
    await assert.rejects(screenModelFile(pipe), { code: 'invalid_model_file', message: /no regular file/ });
  });

  test('a header that takes too long is given up', async () => {
    await assert.rejects(screenModelFile(await writeEndlessHeader(folder), { timeoutMs: 50 }), {
      code: 'invalid_model_file',
      message: /could not be checked within 50 ms/,
    });
  });

  test('a check that outgrows its memory is given up', async () => {
    await assert.rejects(screenModelFile(await writeEndlessHeader(folder), { memoryBytes: 16 * 1024 * 1024 }), {
      code: 'invalid_model_file',
      message: /more memory than allowed/,
    });
  });

  test('an aborted check ends at once', async () => {
    const controller = new AbortController();
    const check = screenModelFile(await writeEndlessHeader(folder), { signal: controller.signal });
    controller.abort();
    await assert.rejects(check, { code: 'cancelled' });
  });

  test('a checking process that is stuck ends when its parent is killed', async () => {
    const pipe = join(folder, 'stuck.gguf');
    execFileSync('mkfifo', [pipe]);
    const child = fileURLToPath(new URL('./screen-process.ts', import.meta.url));
    const program = `
      const { spawn } = require('node:child_process');
      const child = spawn(process.execPath, [${JSON.stringify(child)}, ${JSON.stringify(pipe)}, '1e9'], { stdio: ['pipe', 'ignore', 'ignore'] });
      console.log(child.pid);
      setInterval(() => {}, 1_000);`;
    const parent = spawn(process.execPath, ['-e', program], { stdio: ['ignore', 'pipe', 'inherit'] });
    const [line] = await once(parent.stdout.setEncoding('utf8'), 'data');
    const pid = Number(line);
    await until(() => isThere(pid));
    parent.kill('SIGKILL');
    await until(() => !isThere(pid));
  });
});

/** Tens of millions of empty strings, each sound: reading them takes seconds. The file is sparse. */
async function writeEndlessHeader(folder: string): Promise<string> {
  const filePath = join(folder, 'endless.gguf');
  const file = await open(filePath, 'w');
  const strings = 4_000_000;
  const arrays = 16;
  let position = 0;
  const put = async (bytes: Buffer) => {
    await file.write(bytes, 0, bytes.length, position);
    position += bytes.length;
  };
  await put(Buffer.concat([Buffer.from('GGUF'), uint32(3), uint64(0), uint64(arrays)]));
  for (let index = 0; index < arrays; index++) {
    const key = Buffer.from(`array.${index}`);
    await put(Buffer.concat([uint64(key.length), key, uint32(9), uint32(8), uint64(strings)]));
    position += 8 * strings;
  }
  await file.truncate(position);
  await file.close();
  return filePath;
}

function isThere(pid: number): boolean {
  try {
    process.kill(pid, 0);
    // A zombie that nobody waits for has ended as well.
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

async function until(isDone: () => boolean): Promise<void> {
  for (let attempt = 0; attempt < 400; attempt++) {
    if (isDone()) return;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  assert.fail('it did not come to be within 10 s');
}
