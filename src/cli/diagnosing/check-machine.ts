import { accessSync, constants, existsSync, mkdirSync, statfsSync, statSync } from 'node:fs';
import { availableParallelism, totalmem } from 'node:os';
import { dirname } from 'node:path';
import { formatBytes } from '../terminal/index.ts';
import type { Finding } from './finding.ts';

const GIGABYTE = 1e9;

/** The program that runs this, and the machine under it. The version was settled at the start. */
export function checkRuntime(): Finding {
  return {
    name: 'runtime',
    level: 'ok',
    detail: `Node ${process.version}, ${process.platform}-${process.arch}, ${availableParallelism()} cores`,
  };
}

/** The home holds keys: nobody else has business in it. */
export function checkHome(home: string): Finding {
  const name = 'home';
  try {
    mkdirSync(home, { recursive: true, mode: 0o700 });
    accessSync(home, constants.R_OK | constants.W_OK | constants.X_OK);
    const { mode, uid } = statSync(home);
    if (uid !== process.getuid?.())
      return { name, level: 'warn', detail: `${home} belongs to another user`, advice: `chown it, or set PLINTH_HOME` };
    const isOpen = (mode & 0o077) !== 0;
    if (isOpen) return { name, level: 'warn', detail: `${home} is open to other users`, advice: `chmod 700 ${home}` };
    return { name, level: 'ok', detail: home };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return { name, level: 'fail', detail: `${home} cannot be used: ${reason}`, advice: 'make it writable, or set PLINTH_HOME' };
  }
}

/** Room for models. */
export function checkDisk(home: string): Finding {
  const { bavail, bsize } = statfsSync(existingFolder(home));
  const free = bavail * bsize;
  const found = { name: 'disk space', detail: `${formatBytes(free)} free for ${home}` };
  if (free < 0.2 * GIGABYTE) return { ...found, level: 'fail', advice: 'make room: the default model alone takes 0.1 GB' };
  if (free < 2 * GIGABYTE)
    return { ...found, level: 'warn', advice: 'most models need more; `plinth models rm` removes old ones' };
  return { ...found, level: 'ok' };
}

/** Memory that a model could have, limits of a container counted. */
export function checkMemory(): Finding {
  const free = process.availableMemory();
  const found = { name: 'memory', detail: `${formatBytes(free)} of ${formatBytes(totalmem())} available` };
  if (free < GIGABYTE)
    return {
      ...found,
      level: 'warn',
      advice: 'even a small model wants 1 GB; end other programs, or lower engine.contextTokens',
    };
  return { ...found, level: 'ok' };
}

function existingFolder(path: string): string {
  return existsSync(path) || dirname(path) === path ? path : existingFolder(dirname(path));
}
