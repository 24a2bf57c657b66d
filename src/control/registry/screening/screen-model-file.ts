import { spawn } from 'node:child_process';
import { stat } from 'node:fs/promises';
import { dirname, extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { PlinthError } from '../../../core/errors/index.ts';
import type { OnnxSummary } from '../onnx-screening/index.ts';
import { ggufSummarySchema, type GgufSummary } from './gguf-summary.ts';
import { onnxSummarySchema } from './onnx-summary-schema.ts';
import { refuse } from './refuse.ts';

const DEFAULT_TIMEOUT_MS = 60_000;
const DEFAULT_MEMORY_BYTES = 512 * 1024 * 1024;
/** A chat template of 1 MiB, every character escaped, and the rest. */
const MAX_REPORT_CHARACTERS = 8 * 1024 * 1024;

const refusalSchema = z.strictObject({ refusal: z.string() });

/** Limits of a screening. */
export interface ScreenOptions {
  /** 10 s when absent. */
  readonly timeoutMs?: number;
  /** Resident memory of the screening process; 512 MiB when absent. */
  readonly memoryBytes?: number;
  readonly signal?: AbortSignal;
}

/** Limits of the screening of an ONNX file. */
export interface OnnxScreenOptions extends ScreenOptions {
  /** Weights that lie in other files must lie in here, links followed; the folder of the file when absent. */
  readonly dataFolder?: string;
}

interface Outcome {
  readonly text: string;
  readonly isTimedOut: boolean;
}

/**
 * Checks the header of a GGUF file in a process of its own before native code may see the file. Throws `invalid_model_file` naming
 * what is wrong, also when the check takes longer or more memory than allowed, and `cancelled`.
 */
export function screenModelFile(filePath: string, options: ScreenOptions = {}): Promise<GgufSummary> {
  return screen(filePath, { options, args: [], schema: ggufSummarySchema });
}

/**
 * Checks an ONNX file, and the places of the weights that lie beside it, in a process of its own before native code may see them.
 * Weights are measured, never read. Throws as {@link screenModelFile}.
 */
export function screenOnnxFile(filePath: string, options: OnnxScreenOptions = {}): Promise<OnnxSummary> {
  const args = ['onnx', options.dataFolder ?? dirname(filePath)];
  return screen(filePath, { options, args, schema: onnxSummarySchema });
}

interface Screening<Summary> {
  readonly options: ScreenOptions;
  /** What the process has to know beside the file and its limits. */
  readonly args: readonly string[];
  readonly schema: z.ZodType<Summary>;
}

async function screen<Summary>(filePath: string, screening: Screening<Summary>): Promise<Summary> {
  const { options } = screening;
  const stats = await stat(filePath).catch(() => undefined);
  if (stats === undefined) refuse('it does not exist or cannot be read');
  // Opening a pipe or a device could block or have effects.
  if (!stats.isFile()) refuse('it is no regular file');
  const outcome = await runScreening(filePath, screening);
  if (options.signal?.aborted) throw new PlinthError({ code: 'cancelled', message: 'the check of the model file was cancelled' });
  if (outcome.isTimedOut) refuse(`its header could not be checked within ${options.timeoutMs ?? DEFAULT_TIMEOUT_MS} ms`);
  const report = parseReport(outcome.text, screening.schema);
  if (report === undefined) refuse('its header made the check fail');
  if ('refusal' in report) throw new PlinthError({ code: 'invalid_model_file', message: report.refusal });
  return report.summary;
}

function runScreening(filePath: string, { options, args }: Pick<Screening<unknown>, 'options' | 'args'>): Promise<Outcome> {
  const memoryBytes = options.memoryBytes ?? DEFAULT_MEMORY_BYTES;
  const program = fileURLToPath(new URL(`./screen-process${extname(import.meta.url)}`, import.meta.url));
  // An empty environment: nothing secret is near the bytes of a stranger.
  const child = spawn(process.execPath, ['--max-old-space-size=64', program, filePath, String(memoryBytes), ...args], {
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

function parseReport<Summary>(text: string, summary: z.ZodType<Summary>): { summary: Summary } | { refusal: string } | undefined {
  try {
    return z.union([z.strictObject({ summary }), refusalSchema]).parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}
