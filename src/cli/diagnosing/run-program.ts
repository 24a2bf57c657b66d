import { execFile } from 'node:child_process';

const LIMIT_MS = 15_000;
const MAX_OUTPUT_BYTES = 256 * 1024;

export interface ProgramOutcome {
  readonly hasSucceeded: boolean;
  readonly output: string;
  /** The last line it wrote to standard error, or why it could not be run. */
  readonly reason: string;
}

/** Runs a program for its output, for at most 15 s. Never rejects. */
export function runProgramOnce(command: string, args: readonly string[]): Promise<ProgramOutcome> {
  return new Promise((resolve) => {
    execFile(
      command,
      args,
      { timeout: LIMIT_MS, maxBuffer: MAX_OUTPUT_BYTES, killSignal: 'SIGKILL' },
      (error, stdout, stderr) => {
        const lastLine = stderr.trim().split('\n').at(-1) ?? '';
        resolve({
          hasSucceeded: error === null,
          output: stdout.trim(),
          reason: lastLine === '' ? (error?.message ?? '') : lastLine,
        });
      },
    );
  });
}
