import { randomBytes } from 'node:crypto';
import { chmod, link, mkdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { PlinthError } from '../../../core/errors/index.ts';
import { hasCode, syncFolder, writeDraft } from './safe-files.ts';

const KEY_BYTES = 32;

/**
 * The secret that signs what this home remembers of its book, `<home>/secrets/book-memory.key`. Made at first use; processes that start
 * together end up with the same one. Losing it makes the memory useless, nothing else.
 */
export async function readSigningKey(home: string): Promise<Buffer> {
  const folder = join(home, 'secrets');
  const filePath = join(folder, 'book-memory.key');
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await chmod(folder, 0o700);
  const key = (await readIfThere(filePath)) ?? (await makeKey(folder, filePath));
  if (key.length !== KEY_BYTES) {
    const message = `${filePath} holds ${key.length} bytes, expected ${KEY_BYTES}: delete it together with state/book-memory.json`;
    throw new PlinthError({ code: 'internal_error', message });
  }
  if (((await stat(filePath)).mode & 0o077) !== 0) await chmod(filePath, 0o600);
  return key;
}

async function makeKey(folder: string, filePath: string): Promise<Buffer> {
  const draftPath = await writeDraft(filePath, randomBytes(KEY_BYTES));
  try {
    // A link appears whole or not at all, and fails where another process was first.
    await link(draftPath, filePath);
    await syncFolder(folder);
  } catch (error) {
    if (!hasCode(error, 'EEXIST')) throw error;
  } finally {
    await rm(draftPath, { force: true });
  }
  return readFile(filePath);
}

async function readIfThere(filePath: string): Promise<Buffer | undefined> {
  try {
    return await readFile(filePath);
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined;
    throw error;
  }
}
