/**
 * Runs one command for a parent that may be killed: `guard-process <command> <argument>…`. Passes its output and exit status on. Leads
 * a process group of its own; when its standard input closes, which happens however the parent ends, it kills that whole group, so
 * the command and all that it started.
 */
import { spawn } from 'node:child_process';

const NOT_STARTED_EXIT = 127;
const KILLED_EXIT = 137;

const [command = '', ...args] = process.argv.slice(2);
const child = spawn(command, args, { stdio: ['ignore', 'inherit', 'inherit'] });
child.once('error', () => process.exit(NOT_STARTED_EXIT));
child.once('exit', (code) => process.exit(code ?? KILLED_EXIT));
process.stdin.resume().once('close', () => {
  if (process.platform === 'win32') child.kill();
  else process.kill(-process.pid, 'SIGKILL');
});
