import { randomBytes } from 'node:crypto';
import { open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';

/** A new file beside `filePath`, for its owner only and on the disk when this resolves. Gives its path. */
export async function writeDraft(filePath: string, contents: string | Uint8Array): Promise<string> {
  const draftPath = `${filePath}.${process.pid}.${randomBytes(6).toString('hex')}.draft`;
  const draft = await open(draftPath, 'wx', 0o600);
  try {
    await draft.writeFile(contents);
    await draft.sync();
  } catch (error) {
    await rm(draftPath, { force: true });
    throw error;
  } finally {
    await draft.close();
  }
  return draftPath;
}

/** The whole file or the one before it, whatever happens meanwhile; for its owner only. Its folder must be there. */
export async function replaceFile(filePath: string, contents: string): Promise<void> {
  const draftPath = await writeDraft(filePath, contents);
  try {
    await rename(draftPath, filePath);
  } catch (error) {
    await rm(draftPath, { force: true });
    throw error;
  }
  await syncFolder(dirname(filePath));
}

/** A new name in a folder survives a power loss only with the folder. */
export async function syncFolder(folder: string): Promise<void> {
  const opened = await open(folder, 'r');
  try {
    await opened.sync();
  } finally {
    await opened.close();
  }
}
