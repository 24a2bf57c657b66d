import { spawn } from 'node:child_process';
import { basename } from 'node:path';
import { text } from 'node:stream/consumers';
import { z } from 'zod';
import { REPOSITORY_FOLDER } from '../harness/index.ts';

const SCRIPT = `${REPOSITORY_FOLDER}/tests/conformance/onnx/run_directly.py`;

const finished = z.object({
  name: z.string(),
  outcome: z.enum(['equal', 'different', 'not-run', 'not-loaded']),
  reason: z.string(),
});
const line = z.union([finished, z.object({ begin: z.string() })]);

/** What ONNX Runtime itself makes of a case; a crash is `not-run`. */
export type DirectResult = z.infer<typeof finished>;

/** Runs cases in ONNX Runtime itself, in a process that is started again behind a case that ends it. */
export async function runDirectly(python: string, folders: readonly string[]): Promise<ReadonlyMap<string, DirectResult>> {
  const results = new Map<string, DirectResult>();
  let waiting = [...folders];
  while (waiting.length > 0) {
    const child = spawn(python, [SCRIPT], { stdio: ['pipe', 'pipe', 'ignore'] });
    child.stdin.on('error', () => undefined).end(waiting.join('\n'));
    const lines = (await text(child.stdout)).split('\n').filter((one) => one !== '');
    let begun = '';
    for (const one of lines.map((json) => line.parse(JSON.parse(json)))) {
      if ('begin' in one) begun = one.begin;
      else results.set(one.name, one);
    }
    if (begun === '') throw new Error(`${SCRIPT} ran nothing`);
    if (!results.has(begun)) results.set(begun, { name: begun, outcome: 'not-run', reason: 'the process ended' });
    waiting = waiting.filter((folder) => !results.has(basename(folder)));
  }
  return results;
}
