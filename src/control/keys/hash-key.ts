import { randomBytes } from 'node:crypto';
import { chmod, link, mkdir, open, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { PlinthError } from '../../core/errors/index.ts';

const HASH_KEY_BYTES = 32;

/**
 * The secret with which this home's keys are hashed, `<home>/secrets/key-hash.key`. Made at first use; processes that start together
 * end up with the same one. Losing it makes every stored key useless.
 */
export async function readHashKey(home: string): Promise<Buffer> {
  const folder = join(home, 'secrets');
  const filePath = join(folder, 'key-hash.key');
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await chmod(folder, 0o700);
  const existing = await readIfThere(filePath);
  const key = existing ?? (await makeHashKey(folder, filePath));
  if (key.length !== HASH_KEY_BYTES) {
    const message = `${filePath} holds ${key.length} bytes, expected ${HASH_KEY_BYTES}: restore it, or delete it together with every key`;
    throw new PlinthError({ code: 'internal_error', message });
  }
  const { mode } = await stat(filePath);
  if ((mode & 0o077) !== 0) await chmod(filePath, 0o600);
  return key;
}

async function makeHashKey(folder: string, filePath: string): Promise<Buffer> {
  const draftPath = join(folder, `key-hash.${process.pid}.${randomBytes(6).toString('hex')}.draft`);
  const draft = await open(draftPath, 'wx', 0o600);
  try {
    await draft.writeFile(randomBytes(HASH_KEY_BYTES));
    await draft.sync();
  } finally {
    await draft.close();
  }
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

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
