import { spawn } from 'node:child_process';
import { extname } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const MAX_KEPT_LINES = 200;
const SECRET_VARIABLES = ['HF_TOKEN', 'PLINTH_API_KEY', 'PLINTH_ADMIN_KEY', 'PLINTH_DATABASE_URL'];

/** A command to run. */
export interface GuardedRun {
  readonly command: string;
  readonly args: readonly string[];
  /** Inherited without Plinth's own secrets. */
  readonly environment: NodeJS.ProcessEnv;
  /** Where it runs: a folder in which nobody left code or settings for it. */
  readonly folder: string;
  readonly signal: AbortSignal;
  readonly onLine?: (line: string) => void;
}

/** How a guarded command ended. */
export interface GuardedOutcome {
  /** 127 when the command could not be started. */
  readonly exitCode: number;
  /** The last lines of both outputs. */
  readonly lines: readonly string[];
}

/** Runs a command that ends with this process, even when this process is killed, and with `signal`. Never throws for its failure. */
export async function runGuarded(run: GuardedRun): Promise<GuardedOutcome> {
  const guard = fileURLToPath(new URL(`./guard-process${extname(import.meta.url)}`, import.meta.url));
  const child = spawn(process.execPath, [guard, run.command, ...run.args], {
    stdio: ['pipe', 'pipe', 'pipe'],
    detached: true,
    cwd: run.folder,
    env: withoutSecrets(run.environment),
  });
  child.stdin.on('error', () => undefined);
  const stop = () => child.stdin.destroy();
  run.signal.addEventListener('abort', stop, { once: true });
  if (run.signal.aborted) stop();
  const lines: string[] = [];
  for (const output of [child.stdout, child.stderr]) {
    createInterface({ input: output }).on('line', (line) => {
      lines.push(line);
      if (lines.length > MAX_KEPT_LINES) lines.shift();
      run.onLine?.(line);
    });
  }
  const exitCode = await new Promise<number>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve(code ?? 1));
  }).finally(() => run.signal.removeEventListener('abort', stop));
  return { exitCode, lines };
}

function withoutSecrets(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(environment).filter(([name]) => !SECRET_VARIABLES.includes(name)));
}
