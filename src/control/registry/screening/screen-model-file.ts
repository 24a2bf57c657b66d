import { spawn } from 'node:child_process';
import { stat } from 'node:fs/promises';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { PlinthError } from '../../../core/errors/index.ts';
import { ggufSummarySchema, type GgufSummary } from './gguf-summary.ts';
import { refuse } from './refuse.ts';
import type { ScreenReport } from './screen-report.ts';

const DEFAULT_TIMEOUT_MS = 10_000;
const DEFAULT_MEMORY_BYTES = 512 * 1024 * 1024;
/** A chat template of 1 MiB, every character escaped, and the rest. */
const MAX_REPORT_CHARACTERS = 8 * 1024 * 1024;

const reportSchema = z.union([z.strictObject({ summary: ggufSummarySchema }), z.strictObject({ refusal: z.string() })]);

/** Limits of a screening. */
export interface ScreenOptions {
  /** 10 s when absent. */
  readonly timeoutMs?: number;
  /** Resident memory of the screening process; 512 MiB when absent. */
  readonly memoryBytes?: number;
  readonly signal?: AbortSignal;
}

interface Outcome {
  readonly text: string;
  readonly isTimedOut: boolean;
}

/**
 * Checks the header of a model file in a process of its own before native code may see the file. Throws `invalid_model_file` naming
 * what is wrong, also when the check takes longer or more memory than allowed, and `cancelled`.
 */
export async function screenModelFile(filePath: string, options: ScreenOptions = {}): Promise<GgufSummary> {
  const stats = await stat(filePath).catch(() => undefined);
  if (stats === undefined) refuse('it does not exist or cannot be read');
  // Opening a pipe or a device could block or have effects.
  if (!stats.isFile()) refuse('it is no regular file');
  const outcome = await runScreening(filePath, options);
  if (options.signal?.aborted) throw new PlinthError({ code: 'cancelled', message: 'the check of the model file was cancelled' });
  if (outcome.isTimedOut) refuse(`its header could not be checked within ${options.timeoutMs ?? DEFAULT_TIMEOUT_MS} ms`);
  const report = parseReport(outcome.text);
  if (report === undefined) refuse('its header made the check fail');
  if ('refusal' in report) throw new PlinthError({ code: 'invalid_model_file', message: report.refusal });
  return report.summary;
}

function runScreening(filePath: string, options: ScreenOptions): Promise<Outcome> {
  const memoryBytes = options.memoryBytes ?? DEFAULT_MEMORY_BYTES;
  const program = fileURLToPath(new URL(`./screen-process${extname(import.meta.url)}`, import.meta.url));
  // An empty environment: nothing secret is near the bytes of a stranger.
  const child = spawn(process.execPath, ['--max-old-space-size=64', program, filePath, String(memoryBytes)], {
    stdio: ['pipe', 'pipe', 'ignore'],
    env: {},
  });
  return new Promise((resolve, reject) => {
    let text = '';
    let isTimedOut = false;
    const kill = () => child.kill('SIGKILL');
    const timer = setTimeout(() => {
      isTimedOut = true;
      kill();
    }, options.timeoutMs ?? DEFAULT_TIMEOUT_MS);
    options.signal?.addEventListener('abort', kill, { once: true });
    if (options.signal?.aborted) kill();
    child.stdin.on('error', () => undefined);
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
      if (text.length > MAX_REPORT_CHARACTERS) kill();
    });
    const settle = () => {
      clearTimeout(timer);
      options.signal?.removeEventListener('abort', kill);
    };
    child.once('error', (error) => {
      settle();
      reject(error);
    });
    child.once('close', () => {
      settle();
      resolve({ text, isTimedOut });
    });
  });
}

function parseReport(text: string): ScreenReport | undefined {
  try {
    return reportSchema.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}
