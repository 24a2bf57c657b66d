import koffi from 'koffi';

const PR_SET_PDEATHSIG = 1;
const SIGKILL = 9;

/**
 * Asks Linux to kill this process when its parent dies, so that even one that hangs in native code leaves no orphan (prctl(2)).
 * Elsewhere the end of standard input has to do.
 */
export function dieWithParent(): void {
  if (process.platform !== 'linux') return;
  const parent = process.ppid;
  const prctl = koffi.load('libc.so.6').func('int prctl(int, unsigned long, unsigned long, unsigned long, unsigned long)');
  prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  if (process.ppid !== parent) process.exit(0);
}
