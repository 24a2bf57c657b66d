import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { hasCode } from '../../core/files/index.ts';
import { checkFileName, refuse } from './conversion/index.ts';

const MOST_FILES = 1_000;

/** A model's folder that was sent with a request to load it. */
export interface OverrideFolder {
  readonly path: string;
  remove(): Promise<void>;
}

/**
 * Writes the files of a load into a private folder inside `root`. Throws PlinthError `invalid_request` when a path leads out of it or
 * stands twice.
 */
export async function writeOverride(root: string, files: ReadonlyMap<string, Uint8Array>): Promise<OverrideFolder> {
  if (files.size > MOST_FILES) throw refuse(`${files.size} files were sent; at most ${MOST_FILES}`);
  for (const name of files.keys()) checkFileName(name, 'the name of a sent file');
  const path = await mkdtemp(join(root, 'sent-'));
  const remove = () => rm(path, { recursive: true, force: true });
  try {
    for (const [name, contents] of files) {
      await mkdir(dirname(join(path, name)), { recursive: true, mode: 0o700 });
      await writeFile(join(path, name), contents, { flag: 'wx', mode: 0o600 });
    }
  } catch (error) {
    await remove();
    const isClash = hasCode(error, 'EEXIST', 'ENOTDIR', 'EISDIR');
    throw isClash ? refuse('the sent files do not form a folder: one path is a part of another') : error;
  }
  return { path, remove };
}
