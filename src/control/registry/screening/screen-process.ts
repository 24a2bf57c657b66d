/**
 * The child process that reads a hostile header: `screen-process <file> <memory limit in bytes>`. Writes one JSON document,
 * `{"summary": …}` or `{"refusal": "…"}`, and ends. It also ends when its standard input closes, which is how it notices that its
 * parent is gone, and with {@link OUT_OF_MEMORY_EXIT} when it grows past its limit. The reading is done on a second thread so that
 * both still work while that thread is busy.
 */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { PlinthError } from '../../../core/errors/index.ts';
import { OUT_OF_MEMORY_EXIT, type ScreenReport } from './screen-report.ts';
import { screenHeader } from './screen-header.ts';

const MEMORY_CHECK_MS = 20;

if (isMainThread) watch(process.argv[2] ?? '', Number(process.argv[3]));
else parentPort?.postMessage(screen(String(workerData)));

function watch(filePath: string, memoryBytes: number): void {
  const reader = new Worker(new URL(import.meta.url), { workerData: filePath });
  reader.once('message', (report: ScreenReport) => process.stdout.write(JSON.stringify(report), () => process.exit(0)));
  reader.once('error', (error) =>
    process.exit('code' in error && error.code === 'ERR_WORKER_OUT_OF_MEMORY' ? OUT_OF_MEMORY_EXIT : 1),
  );
  process.stdin.resume().once('close', () => process.exit(1));
  setInterval(() => {
    if (process.memoryUsage.rss() > memoryBytes) process.exit(OUT_OF_MEMORY_EXIT);
  }, MEMORY_CHECK_MS);
}

function screen(filePath: string): ScreenReport {
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
    return {
      summary: screenHeader({
        totalBytes: stats.size,
        read: (target, position) => readSync(file, target, 0, target.length, position),
      }),
    };
  } catch (error) {
    if (error instanceof PlinthError) return { refusal: error.message };
    throw error;
  } finally {
    closeSync(file);
  }
}
