import { randomBytes } from 'node:crypto';
import { chmod, link, mkdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { PlinthError } from '../errors/index.ts';
import { hasCode } from './has-code.ts';
import { syncFolder, writeDraft } from './replace-file.ts';

const SECRET_BYTES = 32;

/** Which secret of a home. */
export interface SecretPlace {
  readonly home: string;
  /** Of the file in `<home>/secrets`. */
  readonly fileName: string;
  /** What to do when the file is damaged. */
  readonly remedy: string;
}

/**
 * The 32 bytes of `<home>/secrets/<fileName>`. Made at first use; processes that start together end up with the same ones. The folder and
 * the file are closed to others when they are open. Throws `internal_error` for a file of another size.
 */
export async function readOrMakeSecret({ home, fileName, remedy }: SecretPlace): Promise<Buffer> {
  const folder = join(home, 'secrets');
  const filePath = join(folder, fileName);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await chmod(folder, 0o700);
  const secret = (await readIfThere(filePath)) ?? (await makeSecret(folder, filePath));
  if (secret.length !== SECRET_BYTES) {
    const message = `${filePath} holds ${secret.length} bytes, expected ${SECRET_BYTES}: ${remedy}`;
    throw new PlinthError({ code: 'internal_error', message });
  }
  if (((await stat(filePath)).mode & 0o077) !== 0) await chmod(filePath, 0o600);
  return secret;
}

async function makeSecret(folder: string, filePath: string): Promise<Buffer> {
  const draftPath = await writeDraft(filePath, randomBytes(SECRET_BYTES));
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
