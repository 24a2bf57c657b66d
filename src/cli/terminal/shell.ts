import { openTerminal, type Terminal } from './terminal.ts';

/** What a command line has around it: two streams out, one in, the environment. */
export interface Shell {
  readonly out: Terminal;
  readonly err: Terminal;
  readonly input: NodeJS.ReadStream;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** The shell of this process. */
export function openShell(): Shell {
  const { env, stdin } = process;
  return { out: openTerminal(process.stdout, env), err: openTerminal(process.stderr, env), input: stdin, env };
}

/** Writes one indented JSON document to standard output. */
export function writeJson(shell: Shell, value: unknown): void {
  shell.out.write(`${JSON.stringify(value, undefined, 2)}\n`);
}

/** What to do next, on standard error, so that it never mixes with an answer that is piped on. */
export function writeHint(shell: Shell, text: string): void {
  shell.err.write(`${shell.err.paint('dim', text)}\n`);
}
