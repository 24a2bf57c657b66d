import { readFileSync } from 'node:fs';

const POLL_MS = 500;
const SHELLS = new Set(['sh', 'dash', 'bash', 'ash', 'zsh', 'busybox']);

/** A package manager that was killed outright cannot pass the signal on; its child sees only that its parent has changed. */
export function watchParent(onGone: () => void): void {
  const lineage = readLineage();
  const timer = setInterval(() => {
    if (readLineage() === lineage) return;
    clearInterval(timer);
    onGone();
  }, POLL_MS);
  timer.unref();
}

/** npx puts a shell in between that lives on without it; so a shell's own parent counts too, where that can be read. */
function readLineage(): string {
  const parent = process.ppid;
  try {
    const [, name = '', rest = ''] = /^\d+ \((.*)\) (.*)$/s.exec(readFileSync(`/proc/${parent}/stat`, 'utf8')) ?? [];
    return SHELLS.has(name) ? `${parent} ${rest.split(' ')[1]}` : String(parent);
  } catch {
    return String(parent);
  }
}
