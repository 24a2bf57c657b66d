/**
 * The child process that reads a hostile file: `screen-process <file> <memory limit in bytes> [onnx <folder of external data>]`; without
 * the last two, the file is GGUF. Writes one {@link ScreenReport} as JSON and ends. It also ends when its standard input closes, which
 * is how it notices that its parent is gone, and when it grows past its limit. The reading is done on a second thread so that both
 * still work while that thread is busy.
 */
import { closeSync, fstatSync, openSync, readSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { PlinthError } from '../../../core/errors/index.ts';
import type { OnnxSummary } from '../onnx-screening/index.ts';
import type { GgufSummary } from './gguf-summary.ts';
import type { ByteSource } from './header-cursor.ts';

/** What is written to the standard output. */
type ScreenReport = { readonly summary: GgufSummary | OnnxSummary } | { readonly refusal: string };

const MEMORY_CHECK_MS = 20;
const MEBIBYTE = 1024 * 1024;
const tooLarge: ScreenReport = { refusal: 'invalid model file: checking its header took more memory than allowed' };

if (isMainThread) watch(process.argv.slice(2));
else parentPort?.postMessage(await screen(Array.isArray(workerData) ? workerData.map(String) : []));

function watch(args: readonly string[]): void {
  const memoryBytes = Number(args[1]);
  const maxOldGenerationSizeMb = Math.ceil(memoryBytes / 2 / MEBIBYTE);
  const reader = new Worker(new URL(import.meta.url), { workerData: args, resourceLimits: { maxOldGenerationSizeMb } });
  reader.once('message', endWith);
  reader.once('error', (error) => ('code' in error && error.code === 'ERR_WORKER_OUT_OF_MEMORY' ? endWith(tooLarge) : end()));
  process.stdin.resume().once('close', end);
  setInterval(() => {
    if (process.memoryUsage.rss() > memoryBytes) endWith(tooLarge);
  }, MEMORY_CHECK_MS);
}

function endWith(report: ScreenReport): void {
  const bytes = Buffer.from(JSON.stringify(report));
  for (let at = 0; at < bytes.length;) at += writeSync(process.stdout.fd, bytes, at);
  end();
}

/** A plain exit waits for the other thread, which may be stuck in a system call for ever. */
function end(): void {
  process.kill(process.pid, 'SIGKILL');
}

async function screen(args: readonly string[]): Promise<ScreenReport> {
  const [filePath = ''] = args;
  let file: number;
  try {
    file = openSync(filePath, 'r');
  } catch (error) {
    return {
      refusal: `invalid model file: it cannot be opened (${error instanceof Error && 'code' in error ? String(error.code) : 'error'})`,
    };
  }
  try {
    const stats = fstatSync(file);
    if (!stats.isFile()) return { refusal: 'invalid model file: it is no regular file' };
    const source: ByteSource = {
      totalBytes: stats.size,
      read: (target, position) => readSync(file, target, 0, target.length, position),
    };
    return { summary: await summarize(source, args) };
  } catch (error) {
    if (error instanceof PlinthError) return { refusal: error.message };
    throw error;
  } finally {
    closeSync(file);
  }
}

/** Loads the code of one format only: starting takes longer than checking. */
async function summarize(
  source: ByteSource,
  [filePath = '', , kind, dataFolder = '']: readonly string[],
): Promise<GgufSummary | OnnxSummary> {
  if (kind !== 'onnx') {
    const { screenHeader } = await import('./screen-header.ts');
    return screenHeader(source);
  }
  const { FolderFiles, screenGraph } = await import('../onnx-screening/index.ts');
  return screenGraph(source, new FolderFiles({ folder: dirname(filePath), limits: dataFolder }));
}
