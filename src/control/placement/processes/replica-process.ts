import { spawn, type ChildProcessByStdio } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import type { FromReplica, ToReplica } from '../../../core/messages/index.ts';
import { chooseReplicaEnvironment } from './choose-replica-environment.ts';
import { LineReader } from './line-reader.ts';
import { parseFromReplica } from './parse-from-replica.ts';

/** The names of all classes of a model may be in its facts. */
const MOST_LINE_CHARS = 16 * 1024 * 1024;
const MOST_ERROR_LINE_CHARS = 300;
const KEPT_ERROR_LINES = 20;
const TERMINATE_GRACE_MS = 2_000;
const CLOSE_GRACE_MS = 250;
const KILL_GRACE_MS = 5_000;
// Node versions that still call type stripping an experiment warn at each start.
const FLAGS = ['--disable-warning=ExperimentalWarning', '--disable-sigusr1'];

/** What is run, and who is told of its words and of its end. */
export interface ReplicaProcessOptions {
  /** The program: `worker-process.ts`, or its compiled form. */
  readonly workerPath: string;
  readonly onMessage: (message: FromReplica) => void;
  /** Called once, when the process is gone and all that it wrote has been read. `detail` says how it went. */
  readonly onEnded: (detail: string) => void;
}

/** The operating system's side of a replica: a child process, its lines in and out, and its end. */
export class ReplicaProcess {
  readonly #child: ChildProcessByStdio<Writable, Readable, Readable>;
  readonly #options: ReplicaProcessOptions;
  readonly #errorLines: string[] = [];
  #timer: NodeJS.Timeout | undefined;
  #hasEnded = false;

  constructor(options: ReplicaProcessOptions) {
    this.#options = options;
    this.#child = spawn(process.execPath, [...FLAGS, options.workerPath], {
      stdio: ['pipe', 'pipe', 'pipe'],
      // Its own process group: Ctrl-C in a terminal is for the supervisor, which lets begun work finish first.
      detached: true,
      windowsHide: true,
      env: chooseReplicaEnvironment(process.env),
    });
    this.#listen();
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** The last lines that it wrote to standard error, cut to a readable length. */
  get errorLines(): readonly string[] {
    return this.#errorLines;
  }

  send(message: ToReplica): void {
    if (!this.#hasEnded && this.#child.stdin.writable) this.#child.stdin.write(`${JSON.stringify(message)}\n`);
  }

  /** Asks it to end (end of input, then SIGTERM), and kills it after 2 s. */
  terminate(): void {
    if (this.#hasEnded) return;
    this.#child.stdin.end();
    this.#signal('SIGTERM');
    this.#after(TERMINATE_GRACE_MS, () => this.kill());
  }

  /** Ends it now. Also works on a process that is stopped. */
  kill(): void {
    if (this.#hasEnded) return;
    this.#signal('SIGKILL');
    this.#after(KILL_GRACE_MS, () => this.#end('did not end when killed'));
  }

  #listen(): void {
    const { stdin, stdout, stderr } = this.#child;
    // A process that dies between two lines breaks the pipe; its exit tells the story.
    stdin.on('error', () => undefined);
    const lines = new LineReader(MOST_LINE_CHARS, (line) => this.#readLine(line));
    stdout.setEncoding('utf8').on('data', (chunk: string) => lines.push(chunk));
    const errors = new LineReader(MOST_ERROR_LINE_CHARS, (line) => this.#keepErrorLine(line));
    stderr.setEncoding('utf8').on('data', (chunk: string) => errors.push(chunk));
    this.#child.on('error', (error) => this.#end(`could not be started: ${error.message}`));
    this.#child.on('exit', (code, signal) => {
      const detail = signal === null ? `exited with code ${code}` : `was ended by ${signal}`;
      this.#child.on('close', () => this.#end(detail));
      // Something it started may hold its pipes open.
      this.#after(CLOSE_GRACE_MS, () => this.#end(detail));
    });
  }

  #readLine(line: string): void {
    const message = parseFromReplica(line);
    if (message === undefined) this.#keepErrorLine(line);
    else this.#options.onMessage(message);
  }

  #keepErrorLine(line: string): void {
    this.#errorLines.push(line.slice(0, MOST_ERROR_LINE_CHARS));
    if (this.#errorLines.length > KEPT_ERROR_LINES) this.#errorLines.shift();
  }

  #signal(signal: 'SIGTERM' | 'SIGKILL'): void {
    const pid = this.#child.pid;
    if (pid === undefined || this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    try {
      process.kill(-pid, signal);
    } catch {
      this.#child.kill(signal);
    }
  }

  #after(delayMs: number, action: () => void): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(action, delayMs);
  }

  #end(detail: string): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    clearTimeout(this.#timer);
    for (const stream of [this.#child.stdin, this.#child.stdout, this.#child.stderr]) stream.destroy();
    this.#child.unref();
    this.#options.onEnded(detail);
  }
}
