import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import test from 'node:test';
import { preparePython, runPython, TRITON_CLIENT } from '../support/python.ts';
import { ADMIN_KEY, API_KEY, serve } from '../support/serve.ts';
import { writeSimpleRepository } from '../support/simple-repository.ts';

const script = (name: string): string => resolve(import.meta.dirname, name);

test('the stock HTTP client of Triton works against a served model repository', async (context) => {
  const python = await preparePython(TRITON_CLIENT);
  const folder = await mkdtemp(join(tmpdir(), 'plinth-repository-'));
  context.after(() => rm(folder, { recursive: true, force: true }));
  await writeSimpleRepository(folder);
  const served = await serve({
    config: {
      models: [folder],
      repository: { controlMode: 'explicit', loadModels: ['*'] },
      openInference: { allowSharedMemory: true },
    },
  });
  context.after(() => served.stop());
  const { host } = new URL(served.url);
  const printed = await runPython({ python, script: script('tensors.py'), arguments: [host, API_KEY, ADMIN_KEY] });
  assert.match(printed, /asynchronous passed/);
});

test('a language model answers and streams through Open Inference', async (context) => {
  const python = await preparePython(TRITON_CLIENT);
  const served = await serve({ config: { models: [{ name: 'echo', engine: 'echo' }] } });
  context.after(() => served.stop());
  const { host } = new URL(served.url);
  const printed = await runPython({ python, script: script('language.py'), arguments: [host, API_KEY, 'echo'] });
  assert.match(printed, /passed/);
});
