import { spawn, type ChildProcess, type SpawnOptions } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { stringify } from 'yaml';

export const ROOT = resolve(import.meta.dirname, '../..');
export const MAIN = join(ROOT, 'src/cli/plinth.ts');

/** A home of its own with a configuration; `parrot` repeats what it is told. */
export interface TestHome {
  readonly path: string;
  readonly env: Readonly<Record<string, string>>;
  remove(): void;
}

export function makeHome(config: Readonly<Record<string, unknown>> = {}): TestHome {
  const path = mkdtempSync(join(tmpdir(), 'plinth-cli-'));
  const models = [{ name: 'parrot', engine: 'echo', stepMs: 1 }];
  writeFileSync(join(path, 'plinth.yaml'), stringify({ port: 0, grpcPort: 0, managementPort: 0, models, ...config }));
  const env = { PATH: process.env['PATH'] ?? '', HOME: path, PLINTH_HOME: path };
  return { path, env, remove: () => rmSync(path, { recursive: true, force: true }) };
}

export interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Running {
  readonly child: ChildProcess;
  readonly stdout: () => string;
  readonly stderr: () => string;
  /** Resolves when the process has ended and its pipes are closed. */
  readonly ended: Promise<Outcome>;
}

export function start(command: readonly string[], options: SpawnOptions): Running {
  const [program = '', ...args] = command;
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], ...options });
  const texts = { stdout: '', stderr: '' };
  child.stdout?.on('data', (chunk: Buffer) => (texts.stdout += chunk.toString()));
  child.stderr?.on('data', (chunk: Buffer) => (texts.stderr += chunk.toString()));
  const ended = new Promise<Outcome>((done) => child.once('close', (code) => done({ code, ...texts })));
  return { child, ended, stdout: () => texts.stdout, stderr: () => texts.stderr };
}

export function startPlinth(home: TestHome, args: readonly string[], env: Readonly<Record<string, string>> = {}): Running {
  return start([process.execPath, MAIN, ...args], { cwd: home.path, env: { ...home.env, ...env } });
}

/** Runs one command line to its end; `input` goes through a pipe. */
export function plinth(home: TestHome, args: readonly string[], input?: string): Promise<Outcome> {
  const stdio = [input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'] as const;
  const running = start([process.execPath, MAIN, ...args], { cwd: home.path, env: home.env, stdio: [...stdio] });
  running.child.stdin?.end(input);
  return running.ended;
}

export interface RunFile {
  readonly pid: number;
  readonly url: string;
  readonly managementUrl: string;
  readonly token: string;
}

export async function until<T>(read: () => T | undefined | Promise<T | undefined>): Promise<T> {
  for (;;) {
    const value = await read();
    if (value !== undefined) return value;
    await new Promise((done) => setTimeout(done, 50));
  }
}

/** The run file of a serve of this home, once its model is ready. */
export async function whenReady(home: TestHome): Promise<RunFile> {
  return until(async () => {
    const running = readRunFiles(home)[0];
    const answer = running === undefined ? undefined : await fetch(`${running.url}/readyz`).catch(() => undefined);
    return answer?.status === 200 ? running : undefined;
  });
}

export function readRunFiles(home: TestHome): RunFile[] {
  try {
    const names = readdirSync(join(home.path, 'run')).filter((name) => name.endsWith('.json'));
    return names.map((name) => JSON.parse(readFileSync(join(home.path, 'run', name), 'utf8')) as RunFile);
  } catch {
    return [];
  }
}

/** The processes of the replicas of a serve. */
export async function readReplicaPids({ managementUrl, token }: RunFile): Promise<number[]> {
  const answer = await fetch(`${managementUrl}/plinth/v1/replicas`, { headers: { authorization: `Bearer ${token}` } });
  const { replicas } = (await answer.json()) as { replicas: readonly { readonly pid?: number }[] };
  return replicas.flatMap(({ pid }) => (pid === undefined ? [] : [pid]));
}

/** Resolves when none of the processes runs any more. */
export async function whenGone(pids: readonly number[]): Promise<void> {
  await until(() => (pids.some(isRunning) ? undefined : true));
}

/** A zombie that its new parent has not waited for yet has ended all the same. */
function isRunning(pid: number): boolean {
  try {
    return !/^\d+ \(.*\) Z /s.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}

/** Begins a stream of so many tokens; `whole` resolves with all that came, also when it broke off. */
export async function beginStream({ url, token }: RunFile, tokens: number): Promise<{ whole: Promise<string> }> {
  const body = { model: 'parrot', stream: true, messages: [{ role: 'user', content: 'abc'.repeat(tokens) }] };
  const answer = await fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  if (answer.status !== 200) throw new Error(`status ${answer.status}`);
  return { whole: answer.text().catch(() => 'broken off') };
}
