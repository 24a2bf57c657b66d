export { checkBook } from './check-book.ts';
export { checkDisk, checkHome, checkMemory, checkRuntime } from './check-machine.ts';
export { checkPort } from './check-port.ts';
export { checkLibrary, checkNpm, checkPip } from './check-programs.ts';
export type { Finding } from './finding.ts';
