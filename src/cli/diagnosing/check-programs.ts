import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import type { Finding } from './finding.ts';
import { runProgramOnce } from './run-program.ts';

const probeSchema = z.object({ release: z.string(), device: z.string(), folder: z.string() });

/** Whether the library of the engine loads here and is the one that the engine knows. */
export async function checkLibrary(): Promise<Finding> {
  const name = 'engine library';
  const program = fileURLToPath(new URL(`../../worker/library-probe-process${extname(import.meta.url)}`, import.meta.url));
  const outcome = await runProgramOnce(process.execPath, [program]);
  const probe = outcome.hasSucceeded ? probeSchema.safeParse(JSON.parse(outcome.output)) : undefined;
  if (probe?.success) return { name, level: 'ok', detail: `llama.cpp ${probe.data.release}, ${probe.data.device}` };
  const reason = /^.*Error: (.*)$/m.exec(outcome.reason)?.[1] ?? outcome.reason;
  return {
    name,
    level: 'fail',
    detail: `it does not load: ${reason}`,
    advice: 'install the pinned packages again, with optional ones: npm ci --include=optional',
  };
}

/** pypi: sources go through the machine's own pip. */
export async function checkPip(): Promise<Finding> {
  const name = 'python and pip';
  const outcome = await runProgramOnce('python3', ['-m', 'pip', '--version']);
  if (outcome.hasSucceeded) return { name, level: 'ok', detail: outcome.output.split(' from ')[0] ?? '' };
  const advice = 'install Python 3 with pip (python3-pip), unless models come from elsewhere';
  return { name, level: 'warn', detail: `pypi: sources cannot be used: ${outcome.reason}`, advice };
}

/** npm: sources go through the machine's own npm. */
export async function checkNpm(): Promise<Finding> {
  const name = 'npm';
  const outcome = await runProgramOnce('npm', ['--version']);
  if (outcome.hasSucceeded) return { name, level: 'ok', detail: outcome.output };
  return {
    name,
    level: 'warn',
    detail: `npm: sources cannot be used: ${outcome.reason}`,
    advice: 'install npm, unless models come from elsewhere',
  };
}
